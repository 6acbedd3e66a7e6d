#include "tests/bench/scheduler/batch_records.h"

namespace unroll::bench {

void BatchRecords::OnBatch(const BatchRecord& record) {
  MutexLock lock(mutex_);
  work_.busy += record.elapsed;
  if (record.sequences == 0) return;
  ++work_.batches;
  work_.steps += record.steps;
  work_.rows += record.rows;
  work_.gaps.insert(work_.gaps.end(), record.gaps.begin(), record.gaps.end());
}

Work BatchRecords::work() const {
  MutexLock lock(mutex_);
  return work_;
}

}  // namespace unroll::bench
