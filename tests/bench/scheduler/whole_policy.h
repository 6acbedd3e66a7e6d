#ifndef UNROLL_TESTS_BENCH_SCHEDULER_WHOLE_POLICY_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_WHOLE_POLICY_H_

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "tests/bench/scheduler/policy.h"

namespace unroll::bench {

struct WholeOptions {
  int64_t max_batch = 1;  // sequences
  // So long the first of a batch waits for company.
  absl::Duration delay;
  // Every sequence of a batch runs as many steps as the longest.
  bool padded = false;
};

// Whole sequences in batches, first come first served: what servers of models
// do that know nothing of time steps. A batch goes when it is full, or when its
// first has waited for `delay`.
class WholePolicy final : public Policy {
 public:
  WholePolicy(const WholeOptions& options, const PolicyParts& parts);
  ~WholePolicy() override;

  void Submit(std::span<Job> jobs) override;
  Work work() const override;

 private:
  absl::Duration Now() const { return parts_.clock.Now() - parts_.start; }

  void RunWorker();
  // Waits for the next batch. False: stop.
  bool TakeBatch();
  // Leaves those out of the batch whose time has passed.
  void DropLate();
  void RunBatch();

  const WholeOptions options_;
  const PolicyParts parts_;

  mutable Mutex mutex_;
  CondVar work_ready_;
  std::deque<Job*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Work work_ ABSL_GUARDED_BY(mutex_);

  // Of the worker.
  std::vector<Job*> batch_;
  std::vector<float*> states_;
  std::vector<Slice> slices_;
  Network::Run run_;

  std::thread worker_;
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_WHOLE_POLICY_H_
