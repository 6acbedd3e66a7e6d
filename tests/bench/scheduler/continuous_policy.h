#ifndef UNROLL_TESTS_BENCH_SCHEDULER_CONTINUOUS_POLICY_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_CONTINUOUS_POLICY_H_

#include <memory>
#include <vector>

#include "core/serve/scheduler.h"
#include "tests/bench/scheduler/batch_records.h"
#include "tests/bench/scheduler/policy.h"

namespace unroll::bench {

// The server's own scheduler. Where jobs are dropped, a job's bound is its
// deadline, and the scheduler refuses what would pass it.
class ContinuousPolicy final : public Policy {
 public:
  ContinuousPolicy(const PolicyOptions& options, const PolicyParts& parts);

  void Submit(std::span<Job> jobs) override;
  Work work() const override { return records_.work(); }

 private:
  void Add(Job& job);
  // Hands the last `count` of sequences_ to the scheduler; whether it took
  // them.
  bool Admit(int64_t count);

  const PolicyParts parts_;
  BatchRecords records_;
  // Kept until the end, so that the worker frees nothing.
  std::vector<std::unique_ptr<SequenceSink>> sinks_;
  std::vector<Scheduler::SequencePtr> sequences_;
  Scheduler scheduler_;  // last: its threads use the others
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_CONTINUOUS_POLICY_H_
