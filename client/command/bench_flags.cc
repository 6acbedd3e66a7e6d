#include "client/command/bench_flags.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "client/command/flag_parts.h"

namespace unroll::client {
namespace {

// A time of at least 0, or of more.
void AddTime(CLI::App& app, const std::string& flag, absl::Duration& time,
             bool may_be_zero, const std::string& help) {
  AddParsed(app, flag, "TIME", help,
            [&time, may_be_zero](const std::string& text) -> absl::Status {
              absl::Duration parsed;
              if (!absl::ParseDuration(text, &parsed) ||
                  parsed == absl::InfiniteDuration() ||
                  parsed < absl::ZeroDuration() ||
                  (parsed == absl::ZeroDuration() && !may_be_zero)) {
                return absl::InvalidArgumentError(absl::StrCat(
                    "\"", text, "\", expected a time such as 10ms, 2s or 1m",
                    may_be_zero ? ", or 0s" : ""));
              }
              time = parsed;
              return absl::OkStatus();
            })
      ->default_str(absl::FormatDuration(time));
}

// One of a few names, for what each stands for.
template <typename Value>
CLI::Option* AddChoice(CLI::App& app, const std::string& flag, Value& value,
                       const std::map<std::string, Value>& choices,
                       const std::string& help) {
  std::string names;
  for (const auto& choice : choices) {
    absl::StrAppend(&names, names.empty() ? "" : "|", choice.first);
  }
  return AddParsed(
      app, flag, names, help,
      [&value, choices, names](const std::string& text) -> absl::Status {
        const auto found = choices.find(text);
        if (found == choices.end()) {
          return absl::InvalidArgumentError(
              absl::StrCat("\"", text, "\", expected ", names));
        }
        value = found->second;
        return absl::OkStatus();
      });
}

void AddPace(CLI::App& app, BenchFlags& flags) {
  auto* rate = app.add_option("--rate", flags.rate,
                              "So many sequences a second, each sent when it "
                              "is due, however many are under way")
                   ->check(Quietly(CLI::Range(1e-3, 1e7)))
                   ->type_name("R");
  auto* concurrency =
      app.add_option("--concurrency", flags.concurrency,
                     "K sequences at a time, each sent when one has ended")
          ->check(Quietly(CLI::Range(1, 100'000)))
          ->excludes(rate)
          ->type_name("K");
  auto* live =
      app.add_option("--live", flags.live,
                     "N live streams, each with a step every --step-interval")
          ->check(Quietly(CLI::Range(1, 1'000'000)))
          ->excludes(rate)
          ->excludes(concurrency)
          ->type_name("N");
  AddChoice<bool>(app, "--arrivals", flags.poisson,
                  {{"poisson", true}, {"fixed", false}},
                  "With --rate: at random times, or at equal distances")
      ->needs(rate)
      ->default_str("poisson");
  AddChoice<CallKind>(app, "--call", flags.load.call,
                      {{"predict", CallKind::kPredict},
                       {"stream", CallKind::kStream},
                       {"live", CallKind::kLive}},
                      "How a sequence is sent: live is a step at a time, each "
                      "after the last one's result")
      ->excludes(live)
      ->default_str("predict");
  AddParsed(app, "--lengths", "w1|w2|w3|w4|STEPS",
            "Steps of a sequence: w1 log-normal, 24 on average; w2 always 24; "
            "w3 uniform from 1 to 128; w4 16, every tenth 256; or a number",
            [&flags](const std::string& text) -> absl::Status {
              const auto lengths = Lengths::Parse(text);
              if (lengths.ok()) flags.load.lengths = *lengths;
              return lengths.status();
            })
      ->excludes(live)
      ->default_str("w1");
  AddTime(app, "--step-interval", flags.step_interval, /*may_be_zero=*/false,
          "With --live: between two steps of a stream");
}

// What CLI11 cannot check, and what follows from the flags.
void Complete(BenchFlags& flags) {
  if (flags.rate > 0) {
    flags.load.pace = Arrivals{flags.rate, flags.poisson};
  } else if (flags.concurrency > 0) {
    flags.load.pace = Concurrency{flags.concurrency};
  } else if (flags.live > 0) {
    flags.load.pace = LiveStreams{flags.live, flags.step_interval};
    flags.load.call = CallKind::kLive;
  } else {
    throw CLI::RequiredError("--rate, --concurrency or --live");
  }
  if (const absl::Status status = CheckLoad(flags.load); !status.ok()) {
    throw CLI::ValidationError(std::string(status.message()));
  }
}

}  // namespace

void AddBenchFlags(CLI::App& app, BenchFlags& flags) {
  app.add_option("MODEL", flags.model.model, "Name of the model")->required();
  AddPace(app, flags);
  AddTime(app, "--warmup", flags.load.warmup, /*may_be_zero=*/true,
          "Load the server so long before measuring");
  AddTime(app, "--duration", flags.load.duration, /*may_be_zero=*/false,
          "Measure so long");
  app.add_option("--connections", flags.load.connections,
                 "Spread the calls over so many")
      ->check(Quietly(CLI::Range(1, 1024)))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--seed", flags.load.seed,
                 "Of arrivals, lengths and inputs: the same for the same seed")
      ->type_name("N")
      ->capture_default_str();
  app.add_option_function<std::vector<std::string>>(
         "--slo",
         [&flags](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             auto slo = Slo::Parse(text);
             Require(slo.status(), "--slo");
             flags.slos.push_back(*std::move(slo));
           }
         },
         "Exit with 3 if that percentile of the latency is not below TIME, "
         "such "
         "as p99<5ms or max<1s; what failed counts as slower than any time; "
         "may "
         "be repeated")
      ->type_name("pX<TIME")
      ->allow_extra_args(false);
  AddResults(app, flags.outputs,
             "the best 3 classes of each step, or hidden without a head");
  app.add_flag("--progress", flags.progress,
               "Say every second how it goes on standard error; default: if "
               "that is a terminal");
  AddModel(app, flags.model);
  app.final_callback([&flags] { Complete(flags); });
  app.footer(
      "Sends random sequences and measures from when each was due to its last "
      "result\n(with --live: to each step's). When, how long and what is drawn "
      "from the seed\nbefore the run. When the generator cannot keep up with "
      "its own schedule, it says so.\n\n"
      "Exit codes: 0 all went well, 1 some calls failed, 2 bad usage; with "
      "--slo instead\nof 1: 0 all hold, 3 one does not.\n\n"
      "Examples:\n"
      "  unroll bench langid --rate 2000 --duration 30s\n"
      "  unroll bench langid --rate 2000 --call stream --slo 'p99<10ms' "
      "--json\n"
      "  unroll bench langid --concurrency 64 --lengths w4\n"
      "  unroll bench langid --live 500 --step-interval 10ms\n");
}

}  // namespace unroll::client
