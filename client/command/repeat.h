#ifndef UNROLL_CLIENT_COMMAND_REPEAT_H_
#define UNROLL_CLIENT_COMMAND_REPEAT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/command/json.h"

namespace unroll::client {

struct RepeatReport {
  std::vector<absl::Duration> latencies;  // of successful calls, ascending
  std::map<absl::StatusCode, int64_t> errors;
  absl::Status first_error;  // one of them, OK if there are none
  absl::Duration elapsed;    // of all calls
};

// Makes `call` `count` times, `concurrency` at a time, each from a thread that
// waits for it. `call` must be safe to make from many threads.
RepeatReport Repeat(const std::function<absl::Status()>& call, int64_t count,
                    int64_t concurrency);

// The smallest latency that `fraction` of all do not exceed (nearest rank).
// Zero if there are none. REQUIRES: ascending order.
absl::Duration Percentile(const std::vector<absl::Duration>& latencies,
                          double fraction);

std::string FormatReport(const RepeatReport& report);
Json ToJson(const RepeatReport& report);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_REPEAT_H_
