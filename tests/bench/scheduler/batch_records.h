#ifndef UNROLL_TESTS_BENCH_SCHEDULER_BATCH_RECORDS_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_BATCH_RECORDS_H_

#include "core/base/mutex.h"
#include "core/serve/observer.h"
#include "tests/bench/scheduler/policy.h"

namespace unroll::bench {

// Adds up the batches of a Scheduler. Thread-safe.
class BatchRecords final : public Observer {
 public:
  void OnSequence(const SequenceRecord&) override {}
  void OnBatch(const BatchRecord& record) override;
  Work work() const;

 private:
  mutable Mutex mutex_;
  Work work_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_BATCH_RECORDS_H_
