#ifndef UNROLL_CLIENT_LOAD_SLO_H_
#define UNROLL_CLIENT_LOAD_SLO_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load/recorder.h"

namespace unroll::client {

// What a run must reach, "p99<5ms": a percentile of the latency (max: of all).
// What failed or was never answered counts as slower than any time.
struct Slo {
  std::string text;
  double fraction = 0;
  absl::Duration below;

  // INVALID_ARGUMENT: not of that form.
  static absl::StatusOr<Slo> Parse(const std::string& text);

  // Of the run. InfiniteDuration: too much was not answered, or nothing sent.
  absl::Duration Found(const LoadReport& report) const;
  bool Holds(const LoadReport& report) const { return Found(report) < below; }
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_SLO_H_
