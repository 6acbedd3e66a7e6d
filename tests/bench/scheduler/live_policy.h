#ifndef UNROLL_TESTS_BENCH_SCHEDULER_LIVE_POLICY_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_LIVE_POLICY_H_

#include <memory>
#include <span>
#include <vector>

#include "core/serve/scheduler.h"
#include "tests/bench/scheduler/batch_records.h"
#include "tests/bench/scheduler/policy.h"

namespace unroll::bench {

// The server's own scheduler with live sequences, all of them open from the
// beginning. A job is a step of one.
class LivePolicy final : public Policy {
 public:
  // `jobs` are all of the run, in the order of their sending.
  LivePolicy(std::span<Job> jobs, const LiveOptions& options,
             const PolicyParts& parts);

  void Submit(std::span<Job> jobs) override;
  Work work() const override { return records_.work(); }

 private:
  const PolicyParts parts_;
  BatchRecords records_;
  std::vector<std::unique_ptr<SequenceSink>> sinks_;  // of each stream
  std::vector<Scheduler::SequencePtr> sequences_;     // of each stream
  Scheduler scheduler_;  // last: its threads use the others
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_LIVE_POLICY_H_
