#include "client/load/slo.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace unroll::client {

absl::StatusOr<Slo> Slo::Parse(const std::string& text) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      "\"", text,
      "\", expected a percentile and a time, such as p99<5ms, p99.9<20ms or "
      "max<1s"));
  const std::pair<std::string, std::string> sides =
      absl::StrSplit(text, absl::MaxSplits('<', 1));
  Slo slo = {.text = text};
  absl::string_view percentile = sides.first;
  double percent = 0;
  if (percentile == "max") {
    percent = 100;
  } else if (!absl::ConsumePrefix(&percentile, "p") ||
             !absl::SimpleAtod(percentile, &percent)) {
    return bad;
  }
  if (!(percent > 0 && percent <= 100)) return bad;
  slo.fraction = percent / 100;
  if (!absl::ParseDuration(sides.second, &slo.below) ||
      slo.below <= absl::ZeroDuration()) {
    return bad;
  }
  return slo;
}

absl::Duration Slo::Found(const LoadReport& report) const {
  if (report.latency.count() == 0) return absl::InfiniteDuration();
  return report.latency.Percentile(fraction, report.unanswered);
}

}  // namespace unroll::client
