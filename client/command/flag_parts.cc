#include "client/command/flag_parts.h"

#include "client/command/parse.h"

namespace unroll::client {

void Require(const absl::Status& status, const std::string& flag) {
  if (!status.ok()) {
    throw CLI::ValidationError(flag, std::string(status.message()));
  }
}

CLI::Validator Quietly(const CLI::Validator& check) {
  return check.description("");
}

CLI::Option* AddParsed(
    CLI::App& app, const std::string& flag, const std::string& type,
    const std::string& help,
    const std::function<absl::Status(const std::string&)>& parse) {
  return app
      .add_option_function<std::string>(
          flag,
          [flag, parse](const std::string& text) {
            Require(parse(text), flag);
          },
          help)
      ->type_name(type);
}

void AddConnection(CLI::App& app, ConnectionFlags& flags) {
  app.add_option("--server", flags.server, "Address of the server")
      ->envname("UNROLL_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  AddParsed(app, "--timeout", "TIME",
            "Time limit of each call, such as 500ms, 10s, 1m30s or inf",
            [&flags](const std::string& text) -> absl::Status {
              const auto timeout = ParseTimeout(text);
              if (timeout.ok()) flags.call.timeout = *timeout;
              return timeout.status();
            })
      ->default_str("60s");
  app.add_flag("--json", flags.json,
               "Print JSON, one object a line, instead of a table");
}

CLI::Option* AddModel(CLI::App& app, ModelFlags& flags) {
  AddConnection(app, flags.connection);
  return app
      .add_option("--model-version", flags.version,
                  "Version of the model; 0 is the highest that loaded")
      ->check(Quietly(CLI::NonNegativeNumber))
      ->type_name("N")
      ->capture_default_str();
}

void AddResults(CLI::App& app, v1::Outputs& outputs, const std::string& given) {
  AddParsed(
      app, "--results", "NAMES",
      "Results to ask for, some of hidden,h_n,scores (default: " + given + ")",
      [&outputs](const std::string& text) {
        return ParseResults(text, outputs);
      });
}

}  // namespace unroll::client
