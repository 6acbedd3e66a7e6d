#ifndef UNROLL_CORE_SERVE_OBSERVER_H_
#define UNROLL_CORE_SERVE_OBSERVER_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace unroll {

// One sequence, once it has ended.
struct SequenceRecord {
  std::string_view model;
  absl::Status status;        // with its Reason, if it has one
  int64_t steps = 0;          // that were run
  bool resumed = false;       // it went on from a state that the caller gave
  bool started = false;       // the next three are zero otherwise
  absl::Duration queue;       // from admission to its first batch's start
  absl::Duration compute;     // in batches that ran some of its steps
  absl::Duration first_step;  // from admission to its first results
};

// One quantum of a worker: a batch, or a piece of one that runs whole.
struct BatchRecord {
  std::string_view model;
  absl::Duration elapsed;
  // Zero and empty but for the last piece of a batch.
  int64_t sequences = 0;
  int64_t steps = 0;   // time steps, of the longest
  int64_t rows = 0;    // steps of all sequences
  int64_t joined = 0;  // sequences whose first steps these are
  std::span<const absl::Duration> queue_ages;  // from ready to running
  std::span<const absl::Duration> gaps;  // between two results of a sequence
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
