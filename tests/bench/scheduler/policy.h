#ifndef UNROLL_TESTS_BENCH_SCHEDULER_POLICY_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_POLICY_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "tests/bench/scheduler/bench_model.h"
#include "tests/bench/scheduler/jobs.h"

namespace unroll::bench {

// What a policy's batches came to.
struct Work {
  int64_t batches = 0;
  int64_t steps = 0;    // time steps, of the longest of each batch
  int64_t rows = 0;     // that were run
  int64_t padding = 0;  // of them, those that stood for nothing
  absl::Duration busy;  // in the network
  absl::Duration cpu;   // of the worker thread, as the system counts it
  std::vector<absl::Duration> gaps;  // between two results of a sequence
};

// A way of batching, with one worker thread of its own.
class Policy {
 public:
  virtual ~Policy() = default;

  // Takes jobs, which it owns until they are through. One thread calls.
  virtual void Submit(std::span<Job> jobs) = 0;

  // How many are through, with a result or without. What Job has of them may
  // then be read.
  int64_t done() const { return done_.load(std::memory_order_acquire); }

  // Of a time when all jobs are through.
  virtual Work work() const = 0;

 protected:
  std::atomic<int64_t> done_ = 0;
};

// What a policy is made of. All must outlive it.
struct PolicyParts {
  const BenchModel& model;
  const Clock& clock;
  absl::Time start;  // of the run
  // Whether a job that cannot have its result in time is dropped.
  bool drops = false;
};

// By its words: continuous [ROWS QUANTUM_US] | single | packed MAX DELAY_US |
// padded MAX DELAY_US.
absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(
    const std::vector<std::string>& words, const PolicyParts& parts);

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_POLICY_H_
