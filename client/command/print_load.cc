#include "client/command/print_load.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/command/table.h"
#include "client/command/text.h"
#include "client/command/time.h"

namespace unroll::client {
namespace {

// Later than this at one send in a hundred, and what is measured is no longer
// the schedule that was asked for.
constexpr absl::Duration kBehind = absl::Milliseconds(1);

constexpr std::pair<const char*, double> kPercentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

bool FellBehind(const LoadReport& report) {
  return report.lateness.Percentile(0.99) > kBehind;
}

std::string Format(absl::Duration time) {
  return time == absl::InfiniteDuration()
             ? "never"
             : FormatSeconds(absl::ToDoubleSeconds(time));
}

float Seconds(absl::Duration time) {
  return static_cast<float>(absl::ToDoubleSeconds(time));
}

const char* CallName(CallKind call) {
  switch (call) {
    case CallKind::kPredict:
      return "predict";
    case CallKind::kStream:
      return "stream";
    case CallKind::kLive:
      return "live";
  }
  return "";
}

void AddRow(const std::string& name, const Histogram& times,
            std::vector<std::vector<std::string>>& rows) {
  if (times.count() == 0) return;
  std::vector<std::string> row = {name, absl::StrCat(times.count())};
  for (const auto& percentile : kPercentiles) {
    row.push_back(Format(times.Percentile(percentile.second)));
  }
  row.push_back(Format(times.max()));
  rows.push_back(std::move(row));
}

std::string FormatErrors(const LoadReport& report) {
  std::string text;
  for (const auto& [what, errors] : report.errors) {
    absl::StrAppend(&text, errors.count,
                    " failed: ", absl::StatusCodeToString(what.first),
                    what.second.empty() ? "" : " ", what.second, ": ",
                    Printable(errors.message), "\n");
  }
  return text;
}

Json ToJson(const Histogram& times) {
  Json json = {{"count", times.count()},
               {"mean_seconds", Seconds(times.mean())}};
  for (const auto& percentile : kPercentiles) {
    json[absl::StrCat(percentile.first, "_seconds")] =
        Seconds(times.Percentile(percentile.second));
  }
  json["max_seconds"] = Seconds(times.max());
  return json;
}

void AddPace(const BenchFlags& flags, Json& json) {
  if (flags.rate > 0) {
    json["rate"] = static_cast<float>(flags.rate);
    json["arrivals"] = flags.poisson ? "poisson" : "fixed";
  } else if (flags.concurrency > 0) {
    json["concurrency"] = flags.concurrency;
  } else {
    json["live"] = flags.live;
    json["step_interval_seconds"] = Seconds(flags.step_interval);
    return;
  }
  json["lengths"] = flags.load.lengths.name();
}

}  // namespace

std::string DescribeLoad(const BenchFlags& flags,
                         const v1::GetModelResponse& model) {
  std::string text =
      absl::StrCat(model.name(), " version ", model.version(), ": ");
  if (flags.live > 0) {
    absl::StrAppend(&text, flags.live, " live streams, a step every ",
                    absl::FormatDuration(flags.step_interval));
  } else {
    absl::StrAppend(&text, CallName(flags.load.call), ", ");
    if (flags.rate > 0) {
      absl::StrAppend(&text, flags.rate, " sequences a second (",
                      flags.poisson ? "poisson" : "fixed", ")");
    } else {
      absl::StrAppend(&text, flags.concurrency, " sequences at a time");
    }
    absl::StrAppend(&text, ", lengths ", flags.load.lengths.name());
  }
  absl::StrAppend(&text, "; ", absl::FormatDuration(flags.load.duration));
  if (flags.load.warmup > absl::ZeroDuration()) {
    absl::StrAppend(&text, " after ", absl::FormatDuration(flags.load.warmup),
                    " of warm-up");
  }
  return text + "\n";
}

std::string FormatProgress(const LoadProgress& progress) {
  return absl::StrFormat(
      "%3.0f s: %d sequences, %d steps, %d failed; p50 %s, p99 %s\n",
      absl::ToDoubleSeconds(progress.at), progress.sequences, progress.steps,
      progress.failed, Format(progress.latency.Percentile(0.5)),
      Format(progress.latency.Percentile(0.99)));
}

std::string FormatLoad(const BenchFlags& flags, const LoadReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"", "count", "p50", "p90", "p99", "p99.9", "max"}};
  AddRow(flags.live > 0 ? "latency of a step" : "latency", report.latency,
         rows);
  if (flags.load.call != CallKind::kPredict) {
    AddRow("first result", report.first, rows);
    AddRow("between results", report.gap, rows);
  }
  std::string text = FormatTable(rows, /*indent=*/0);
  absl::StrAppendFormat(&text, "%d sequences ok", report.succeeded);
  if (flags.live == 0) {
    absl::StrAppendFormat(&text, " (%.4g a second)",
                          report.sequences_per_second);
  }
  absl::StrAppendFormat(&text, ", %d steps (%.4g a second)\n", report.steps,
                        report.steps_per_second);
  absl::StrAppend(&text, FormatErrors(report));
  if (flags.live > 0 && report.unanswered > 0) {
    absl::StrAppend(&text, report.unanswered,
                    " steps without a result: their stream had failed\n");
  }
  if (flags.concurrency == 0) {
    absl::StrAppendFormat(&text, "sent late: p50 %s, p99 %s, max %s\n",
                          Format(report.lateness.Percentile(0.5)),
                          Format(report.lateness.Percentile(0.99)),
                          Format(report.lateness.max()));
  }
  if (FellBehind(report)) {
    absl::StrAppend(
        &text,
        "The generator fell behind its own schedule: the latencies above are "
        "partly its own.\nGive it more of a CPU, more --connections, or less "
        "to send.\n");
  }
  for (const Slo& slo : flags.slos) {
    absl::StrAppend(&text, slo.text, slo.Holds(report) ? " holds" : " MISSED",
                    ": it is ", Format(slo.Found(report)), "\n");
  }
  return text;
}

Json ToJson(const BenchFlags& flags, const v1::GetModelResponse& model,
            const LoadReport& report) {
  Json json = {{"model", model.name()},
               {"version", model.version()},
               {"call", CallName(flags.load.call)}};
  AddPace(flags, json);
  json["connections"] = flags.load.connections;
  json["seed"] = flags.load.seed;
  json["warmup_seconds"] = Seconds(flags.load.warmup);
  json["measured_seconds"] = Seconds(report.measured);
  json["succeeded"] = report.succeeded;
  json["failed"] = report.failed;
  json["unanswered"] = report.unanswered;
  json["steps"] = report.steps;
  json["messages"] = report.messages;
  json["sequences_per_second"] =
      static_cast<float>(report.sequences_per_second);
  json["steps_per_second"] = static_cast<float>(report.steps_per_second);
  json["latency"] = ToJson(report.latency);
  json["first"] = ToJson(report.first);
  json["gap"] = ToJson(report.gap);
  json["lateness"] = ToJson(report.lateness);
  json["fell_behind"] = FellBehind(report);
  json["errors"] = Json::array();
  for (const auto& [what, errors] : report.errors) {
    json["errors"].push_back({{"code", absl::StatusCodeToString(what.first)},
                              {"reason", what.second},
                              {"count", errors.count},
                              {"message", errors.message}});
  }
  json["slos"] = Json::array();
  for (const Slo& slo : flags.slos) {
    json["slos"].push_back({{"slo", slo.text},
                            {"found_seconds", Seconds(slo.Found(report))},
                            {"holds", slo.Holds(report)}});
  }
  return json;
}

}  // namespace unroll::client
