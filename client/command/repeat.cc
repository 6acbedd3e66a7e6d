#include "client/command/repeat.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/command/time.h"

namespace unroll::client {
namespace {

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

double CallsPerSecond(const RepeatReport& report) {
  return static_cast<double>(report.latencies.size()) /
         std::max(Seconds(report.elapsed), 1e-9);
}

}  // namespace

RepeatReport Repeat(const std::function<absl::Status()>& call, int64_t count,
                    int64_t concurrency) {
  RepeatReport report;
  std::mutex mutex;  // guards report
  std::atomic<int64_t> left = count;
  const auto work = [&] {
    while (left.fetch_sub(1) > 0) {
      const absl::Time begin = absl::Now();
      const absl::Status status = call();
      const absl::Duration latency = absl::Now() - begin;
      const std::lock_guard lock(mutex);
      if (status.ok()) {
        report.latencies.push_back(latency);
      } else {
        ++report.errors[status.code()];
        report.first_error.Update(status);
      }
    }
  };
  const absl::Time begin = absl::Now();
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < std::min(count, concurrency); ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();
  report.elapsed = absl::Now() - begin;
  std::sort(report.latencies.begin(), report.latencies.end());
  return report;
}

absl::Duration Percentile(const std::vector<absl::Duration>& latencies,
                          double fraction) {
  if (latencies.empty()) return absl::ZeroDuration();
  const auto rank = static_cast<size_t>(
      std::ceil(fraction * static_cast<double>(latencies.size())));
  return latencies[std::clamp<size_t>(rank, 1, latencies.size()) - 1];
}

std::string FormatReport(const RepeatReport& report) {
  std::string text = absl::StrFormat("%d calls ok", report.latencies.size());
  for (const auto& [code, count] : report.errors) {
    absl::StrAppend(&text, ", ", count, " ", absl::StatusCodeToString(code));
  }
  absl::StrAppendFormat(&text, " in %s (%.3g a second)\n",
                        FormatSeconds(Seconds(report.elapsed)),
                        CallsPerSecond(report));
  if (report.latencies.empty()) return text;
  absl::StrAppendFormat(
      &text, "latency seen here: p50 %s, p99 %s, max %s\n",
      FormatSeconds(Seconds(Percentile(report.latencies, 0.5))),
      FormatSeconds(Seconds(Percentile(report.latencies, 0.99))),
      FormatSeconds(Seconds(report.latencies.back())));
  return text;
}

Json ToJson(const RepeatReport& report) {
  const auto seconds = [](absl::Duration duration) {
    return static_cast<float>(Seconds(duration));
  };
  Json errors = Json::object();
  for (const auto& [code, count] : report.errors) {
    errors[absl::StatusCodeToString(code)] = count;
  }
  Json json = {{"ok", report.latencies.size()},
               {"errors", errors},
               {"elapsed_seconds", seconds(report.elapsed)}};
  if (report.latencies.empty()) return json;
  json["p50_seconds"] = seconds(Percentile(report.latencies, 0.5));
  json["p99_seconds"] = seconds(Percentile(report.latencies, 0.99));
  json["max_seconds"] = seconds(report.latencies.back());
  return json;
}

}  // namespace unroll::client
