#include "server/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "server/version.h"

namespace unroll::server {
namespace {

constexpr char kDescription[] =
    "Serves trained recurrent networks (torch.nn.RNN) over gRPC.";

constexpr char kFooter[] = R"(
Every flag can be given in the environment too: --max-steps is UNROLL_MAX_STEPS.
Durations are numbers with units (100us, 1.5s, 2m), sizes plain bytes or with
units (16MiB, 2GiB). Prometheus metrics are at http://HOST:METRICS_PORT/metrics.

Examples:
  unroll-server --model-repository models
  unroll-server --check models
  unroll-server --model-repository models --grpc-port 0 --log-format json

A state key: openssl rand -base64 32 >> FILE

Signals: SIGTERM or SIGINT drains (see --drain-timeout) and exits 0; a second one
exits at once with 1. SIGHUP reads --state-key-file again. Exit codes: 1 when it could not start, 2 for bad flags.)";

// --max-steps is read from UNROLL_MAX_STEPS.
std::string EnvironmentName(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return "UNROLL_" + flag;
}

template <typename Target>
CLI::Option* Add(CLI::App& app, const std::string& name, Target& target,
                 const std::string& help) {
  return app.add_option("--" + name, target, help)
      ->capture_default_str()
      ->envname(EnvironmentName(name));
}

// CLI11's own description of a range is hard to read in --help.
CLI::Validator Between(int64_t least, int64_t most) {
  return CLI::Range(least, most)
      .description(std::to_string(least) + ".." + std::to_string(most));
}

// A duration of at least `least`.
void AddDuration(CLI::App& app, const std::string& name, absl::Duration& target,
                 absl::Duration least, const std::string& help) {
  const std::string flag = "--" + name;
  const auto parse = [&target, least, flag](const CLI::results_t& words) {
    absl::Duration value;
    if (!absl::ParseDuration(words.front(), &value)) {
      throw CLI::ValidationError(
          flag,
          "\"" + words.front() + "\" is not a duration such as 100us or 1.5s");
    }
    if (value < least || value > absl::Hours(24)) {
      throw CLI::ValidationError(flag,
                                 "\"" + words.front() + "\" is not between " +
                                     absl::FormatDuration(least) + " and 24h");
    }
    target = value;
    return true;
  };
  app.add_option(flag, parse, help)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(target))
      ->envname(EnvironmentName(name));
}

void AddPort(CLI::App& app, const std::string& name, int& target,
             const std::string& help) {
  Add(app, name, target, help)->check(Between(0, 65535))->type_name("PORT");
}

void AddCount(CLI::App& app, const std::string& name, int64_t& target,
              int64_t least, int64_t most, const std::string& help) {
  Add(app, name, target, help)->check(Between(least, most))->type_name("COUNT");
}

void AddBytes(CLI::App& app, const std::string& name, int64_t& target,
              int64_t least, int64_t most, const std::string& help) {
  Add(app, name, target, help)
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false).description(""))
      ->check(Between(least, most).description(""))
      ->type_name("BYTES");
}

void AddChoice(CLI::App& app, const std::string& name, std::string& target,
               const std::vector<std::string>& choices,
               const std::string& help) {
  Add(app, name, target, help)->check(CLI::IsMember(choices))->type_name("");
}

void AddAll(CLI::App& app, Flags& flags) {
  Add(app, "model-repository", flags.model_repository,
      "Folder of models: DIR/MODEL/VERSION/model.safetensors, or weights "
      "directly in DIR/MODEL")
      ->type_name("DIR");
  const auto check = [&flags](const CLI::results_t& words) {
    flags.check = true;
    if (!words.empty() && !words.front().empty()) {
      flags.model_repository = words.front();
    }
    return true;
  };
  app.add_option("--check", check,
                 "Load everything (of DIR, if given), print what was "
                 "understood, exit (1 if any model failed)")
      ->type_name("[DIR]")
      ->expected(0, 1)
      ->envname(EnvironmentName("check"));
  Add(app, "address", flags.address, "Address to listen on")
      ->type_name("ADDRESS");
  AddPort(app, "grpc-port", flags.grpc_port, "gRPC port; 0: any free one");
  AddPort(app, "metrics-port", flags.metrics_port,
          "Prometheus port; 0: any free one");
  AddCount(app, "workers", flags.workers, 0, 1024,
           "Threads that run networks; 0: the CPU quota's whole cores");
  AddCount(app, "max-batch-rows", flags.max_batch_rows, 1, 1024,
           "Most sequences in a batch");
  AddDuration(app, "quantum", flags.quantum, absl::Microseconds(1),
              "Estimated compute of a full batch, of a smaller one less in "
              "proportion; newcomers wait about as long");
  AddDuration(app, "max-queue-time", flags.max_queue_time,
              absl::Milliseconds(1),
              "Refuse calls that would wait longer (RESOURCE_EXHAUSTED)");
  AddCount(app, "max-steps", flags.max_steps, 1, int64_t{1} << 30,
           "Most steps of a sequence");
  AddBytes(app, "max-message-bytes", flags.max_message_bytes, 1024,
           (int64_t{1} << 31) - 1, "Largest request and reply");
  AddBytes(app, "memory-limit", flags.memory_limit, 0, int64_t{1} << 50,
           "Memory for models and calls; 0: 80 % of the cgroup's limit or the "
           "machine's memory");
  AddDuration(app, "slow-reader-timeout", flags.slow_reader_timeout,
              absl::Milliseconds(1),
              "End a stream whose results nobody reads for so long (ABORTED)");
  AddDuration(app, "idle-timeout", flags.idle_timeout, absl::Milliseconds(1),
              "End a live sequence that gets no opening or step (ABORTED), and "
              "forget a kept one that gets no request, for so long");
  AddCount(app, "max-kept-sequences", flags.max_kept_sequences, 0,
           int64_t{1} << 30,
           "Most sequences whose state is kept from one ModelInfer request to "
           "the next (sequence_id)");
  AddBytes(app, "max-kept-sequence-bytes", flags.max_kept_sequence_bytes, 0,
           int64_t{1} << 50, "Most memory for their states");
  AddChoice(app, "model-config-scheduler", flags.model_config_scheduler,
            {"dynamic", "sequence"},
            "What ModelConfig calls the scheduler: with \"sequence\" load "
            "generators such as perf_analyzer send sequences");
  AddDuration(app, "max-connection-age", flags.max_connection_age,
              absl::ZeroDuration(),
              "Ask connections so old to go (within 10 %), so that clients "
              "spread over servers anew, and end live sequences so old "
              "(UNAVAILABLE, with a state token); 0: never");
  AddDuration(app, "max-connection-age-grace", flags.max_connection_age_grace,
              absl::ZeroDuration(),
              "Cut off a connection that was asked to go when so long has "
              "passed since its last live sequence had to end");
  AddDuration(app, "drain-timeout", flags.drain_timeout, absl::ZeroDuration(),
              "How long running calls may go on after SIGTERM");
  AddChoice(app, "ready", flags.ready, {"all", "any"},
            "Healthy once all models are loaded, or any");
  AddChoice(app, "rnn-kernel", flags.rnn_kernel, {"auto", "primitive", "split"},
            "How layers are run; a model's own \"kernel\" wins");
  AddBytes(app, "token-table-limit", flags.token_table_limit, 0,
           int64_t{1} << 40,
           "Most memory for the table of a token model's first layer; larger "
           "ones are computed step by step");
  Add(app, "state-key-file", flags.state_key_file,
      "Keys that state tokens are signed with, one a line in base64: the first "
      "signs, all verify; read again on SIGHUP. Default: one that goes with "
      "the "
      "process")
      ->type_name("FILE");
  AddChoice(app, "log-level", flags.log_level,
            {"trace", "debug", "info", "warning", "error"}, "Least severity");
  AddChoice(app, "log-format", flags.log_format, {"text", "json"},
            "Log lines for people or machines");
  AddDuration(app, "slow-call-threshold", flags.slow_call_threshold,
              absl::ZeroDuration(), "Log slower calls; 0: none");
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  ParsedFlags parsed;
  CLI::App app(kDescription, "unroll-server");
  app.footer(kFooter);
  app.set_version_flag("--version", kVersion);
  AddAll(app, parsed.flags);
  try {
    app.parse(argc, argv);
    if (parsed.flags.model_repository.empty()) {
      throw CLI::RequiredError("--model-repository");
    }
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return parsed;
}

}  // namespace unroll::server
