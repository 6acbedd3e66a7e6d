#ifndef UNROLL_TESTS_BENCH_SCHEDULER_SEND_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_SEND_H_

#include <span>

#include "core/base/clock.h"
#include "tests/bench/scheduler/jobs.h"
#include "tests/bench/scheduler/policy.h"

namespace unroll::bench {

// Who sends: the calling thread.
struct Sender {
  const Clock& clock;
  absl::Time start;  // of the run
  bool spins;        // keeps its core busy, to be on time to the microsecond
};

// Sends each job when it is scheduled, all that are due in one go, and returns
// once all are through.
void SendOnTime(std::span<Job> jobs, Policy& policy, const Sender& sender);

// Sends jobs in order as fast as they get through, so that kOutstanding are
// under way; `scheduled` becomes when each was sent.
inline constexpr int64_t kOutstanding = 256;
void SendAsTheyGetThrough(std::span<Job> jobs, Policy& policy,
                          const Sender& sender);

using SendFunction = void (*)(std::span<Job> jobs, Policy& policy,
                              const Sender& sender);

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_SEND_H_
