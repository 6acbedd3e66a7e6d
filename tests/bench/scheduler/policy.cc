#include "tests/bench/scheduler/policy.h"

#include <utility>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "tests/bench/scheduler/continuous_policy.h"
#include "tests/bench/scheduler/numbers.h"
#include "tests/bench/scheduler/whole_policy.h"

namespace unroll::bench {
namespace {

absl::Status CheckRows(int64_t rows) {
  if (rows >= 1 && rows <= BenchModel::kMostRows) return absl::OkStatus();
  return Invalid("%d sequences a batch, expected 1 to %d", rows,
                 BenchModel::kMostRows);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(
    const std::vector<std::string>& words, const PolicyParts& parts) {
  const std::string name = words.empty() ? "" : words[0];
  if (name == "single" && words.size() == 1) {
    return std::make_unique<WholePolicy>(WholeOptions{}, parts);
  }
  if (name == "continuous" && words.size() == 1) {
    return std::make_unique<ContinuousPolicy>(PolicyOptions{}, parts);
  }
  if (words.size() == 3) {
    ASSIGN_OR_RETURN(const int64_t rows, WholeNumber(words[1]));
    ASSIGN_OR_RETURN(const int64_t microseconds, WholeNumber(words[2]));
    RETURN_IF_ERROR(CheckRows(rows));
    const absl::Duration time = absl::Microseconds(microseconds);
    if (name == "continuous") {
      return std::make_unique<ContinuousPolicy>(
          PolicyOptions{.max_batch_rows = rows, .quantum = time}, parts);
    }
    const bool padded = name == "padded";
    if (padded && parts.model.network().spec().directions == 2) {
      return Invalid(
          "padded: a backward direction would begin at the padding; expected a "
          "model of one direction");
    }
    if (padded || name == "packed") {
      return std::make_unique<WholePolicy>(
          WholeOptions{.max_batch = rows, .delay = time, .padded = padded},
          parts);
    }
  }
  return Invalid(
      "expected a policy: continuous [ROWS QUANTUM_US] | single | packed MAX "
      "DELAY_US | padded MAX DELAY_US");
}

}  // namespace unroll::bench
