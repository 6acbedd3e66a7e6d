#ifndef UNROLL_TESTS_BENCH_SCHEDULER_SCHEDULER_WORKER_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_SCHEDULER_WORKER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "tests/bench/scheduler/bench_model.h"
#include "tests/bench/scheduler/jobs.h"
#include "tests/bench/scheduler/pins.h"
#include "tests/bench/scheduler/policy.h"
#include "tests/bench/scheduler/send.h"

namespace unroll::bench {

// Runs batching policies as tests/bench/scheduler.py asks for it, a line at a
// time, on one worker thread.
//
//   version
// ok and what this is.
//
//   prepare MODEL
// ok and the microseconds of a step alone. MODEL is S, M, L or Bi of
// BENCHMARK.md.
//
//   run LENGTHS RATE COUNT SEED keep|drop POLICY...
// ok and what it came to as JSON (summary.h), once all results have been found
// equal to those of a sequence alone. LENGTHS is w1 to w4, or a number of
// steps. RATE sequences a second come by chance; 0: the next as they get
// through. "drop" lets go of those that can have no result in time. POLICY is
// as in policy.h.
//
//   live STREAMS STEPS SEED continuous|single
// The same of live streams (W5), each with a step every 10 ms.
//
// Anything else, or what fails: "error" and a sentence.
class SchedulerWorker {
 public:
  std::string Answer(const std::string& line);

 private:
  using Words = std::vector<std::string>;

  absl::StatusOr<std::string> Execute(const Words& words);
  absl::StatusOr<std::string> Prepare(const std::string& model);
  absl::StatusOr<std::string> Run(const Words& words);
  absl::StatusOr<std::string> RunLive(const Words& words);
  // From here on threads start where workers run.
  absl::Time StartOfRun() const;
  // Runs the jobs through, and checks their results.
  absl::StatusOr<Work> Send(Jobs& jobs, SendFunction send, absl::Time start,
                            Policy& policy);

  const RealClock clock_{};
  const Pins pins_;
  std::unique_ptr<BenchModel> model_;  // null until prepared
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_SCHEDULER_WORKER_H_
