#include <memory>
#include <new>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "client/command/commands.h"

namespace unroll::client {
namespace {

// CLI11's help with the descriptions of options wrapped to 80 columns.
class WrappedHelp : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    constexpr size_t kWidth = 80 - 30;  // 30: CLI11's first column
    std::istringstream words(CLI::Formatter::make_option_desc(option));
    std::string wrapped;
    size_t line = 0;
    for (std::string word; words >> word; line += word.size()) {
      if (line > 0 && line + 1 + word.size() > kWidth) {
        wrapped += '\n';
        line = 0;
      } else if (line > 0) {
        wrapped += ' ';
        ++line;
      }
      wrapped += word;
    }
    return wrapped;
  }
};

int Run(int argc, const char* const* argv, Terminal& terminal) {
  CLI::App app(
      "Talks to an unroll server: predictions of trained recurrent networks.",
      "unroll");
  app.formatter(std::make_shared<WrappedHelp>());  // subcommands inherit it
  app.set_version_flag("--version", "unroll " UNROLL_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  unroll models\n"
      "  unroll stream langid --text \"buenos dias\"\n"
      "  unroll predict langid --text hello --json\n"
      "  unroll live langid\n"
      "  unroll bench langid --rate 1000\n"
      "  unroll inspect model.pt\n\n"
      "\"unroll predict --help\" and so on say more. Exit codes: 0 success, 1 "
      "the "
      "call\nfailed (standard error has the gRPC code), 2 bad usage, 3 an SLO "
      "of bench was\nmissed.\n");

  ModelFlags models;
  CLI::App* models_command =
      app.add_subcommand("models", "List the models, or show one in full");
  models_command->alias("model");
  AddModelFlags(*models_command, models);
  PredictFlags predict;
  CLI::App* predict_command =
      app.add_subcommand("predict", "Run sequences and print their results");
  AddPredictFlags(*predict_command, predict);
  PredictFlags stream;
  CLI::App* stream_command = app.add_subcommand(
      "stream", "Run sequences and print each step as it is computed");
  AddStreamFlags(*stream_command, stream);
  LiveFlags live;
  CLI::App* live_command = app.add_subcommand(
      "live", "Type, and see the prediction move with every step");
  AddLiveFlags(*live_command, live);
  BenchFlags bench;
  CLI::App* bench_command = app.add_subcommand(
      "bench", "Load a server and say how fast its answers come");
  AddBenchFlags(*bench_command, bench);
  InspectFlags inspect;
  CLI::App* inspect_command = app.add_subcommand(
      "inspect", "Say what a server would make of a model's files");
  AddInspectFlags(*inspect_command, inspect);
  HealthFlags health;
  CLI::App* health_command =
      app.add_subcommand("health", "Say whether the server or a model serves");
  AddHealthFlags(*health_command, health);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and the version come this way too, with the code of success.
    const int code = app.exit(error, terminal.out, terminal.err);
    return code == 0 ? kSuccess : kBadUsage;
  }
  if (*models_command) return RunModels(models, terminal);
  if (*predict_command) return RunPredict(predict, terminal);
  if (*stream_command) return RunStream(stream, terminal);
  if (*live_command) return RunLive(live, terminal);
  if (*bench_command) return RunBench(bench, terminal);
  if (*inspect_command) return RunInspect(inspect, terminal);
  return RunHealth(health, terminal);
}

}  // namespace

int RunCommand(int argc, const char* const* argv, Terminal& terminal) {
  try {
    return Run(argc, argv, terminal);
  } catch (const std::bad_alloc&) {
    return CallFailed(
        absl::ResourceExhaustedError("not enough memory for the call; send "
                                     "fewer or shorter sequences at a time"),
        terminal);
  }
}

}  // namespace unroll::client
