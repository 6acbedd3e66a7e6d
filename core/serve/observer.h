#ifndef UNROLL_CORE_SERVE_OBSERVER_H_
#define UNROLL_CORE_SERVE_OBSERVER_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace unroll {

// One sequence, once it has ended.
struct SequenceRecord {
  std::string_view model;
  absl::StatusCode code = absl::StatusCode::kOk;
  int64_t steps = 0;          // that were run
  bool started = false;       // the next three are zero otherwise
  absl::Duration queue;       // from admission to its first batch's start
  absl::Duration compute;     // in batches that ran some of its steps
  absl::Duration first_step;  // from admission to its first results
};

// One batch, once it has run.
struct BatchRecord {
  std::string_view model;
  int64_t sequences = 0;
  int64_t rows = 0;  // steps of all sequences
};

// Where the scheduler tells what happened. Called from any thread, outside
// locks; must be quick and must not call back. The views live for the call.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnSequence(const SequenceRecord& record) = 0;
  virtual void OnBatch(const BatchRecord& record) = 0;
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_OBSERVER_H_
