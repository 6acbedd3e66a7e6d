#ifndef UNROLL_CORE_SERVE_SEQUENCE_H_
#define UNROLL_CORE_SERVE_SEQUENCE_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/model/tensor.h"
#include "core/serve/observer.h"
#include "core/serve/policy.h"
#include "core/serve/served_model.h"

namespace unroll {

class Batch;

// Which steps' results a caller wants.
struct StepSelection {
  enum Kind { kAll, kLast, kIndices };
  Kind kind = kAll;
  std::vector<int64_t> indices;  // for kIndices: strictly increasing, in range
};

// A sequence's state on the way, borrowed.
struct StateAt {
  int64_t steps = 0;                // that have run, of the sequence
  std::span<const Tensor> tensors;  // in StateSpec's order
};

// Results of wanted steps, as views into the worker's memory.
class StepResults {
 public:
  StepResults(std::span<const int64_t> steps, int64_t slice_begin,
              const SliceResult& result, int64_t score_rows,
              std::optional<StateAt> state, bool last)
      : steps_(steps),
        slice_begin_(slice_begin),
        result_(result),
        score_rows_(score_rows),
        state_(state),
        last_(last) {}

  // The steps, counted from the sequence's first; increasing.
  std::span<const int64_t> steps() const { return steps_; }
  // [D*H] of steps()[i].
  std::span<const float> hidden(int64_t i) const {
    return result_.hidden(steps_[i] - slice_begin_);
  }
  // Rows of scores, [C] each: one for each of steps(), or, when the head is
  // applied once, one with the sequence's last step. None unless wanted.
  int64_t score_rows() const { return score_rows_; }
  std::span<const float> scores(int64_t i) const { return result_.scores(i); }
  // The state after each state_every-th step.
  const std::optional<StateAt>& state() const { return state_; }
  // Whether nothing is left to run, so that OnDone follows at once. Never of a
  // live sequence, which may still be closed.
  bool last() const { return last_; }

 private:
  std::span<const int64_t> steps_;
  int64_t slice_begin_;
  const SliceResult& result_;
  int64_t score_rows_;
  std::optional<StateAt> state_;
  bool last_;
};

struct SequenceEnd {
  absl::Status status;  // may carry a Reason
  int64_t steps = 0;    // that have run well
  // The state after them, in StateSpec's order, whatever the status. Empty if
  // it is not good: the network diverged or failed, or the sequence, one that
  // runs whole, was cut off. Borrowed.
  std::span<const Tensor> state;
  absl::Duration queue;    // from admission to the first step's start
  absl::Duration compute;  // in batches that ran some of its steps
};

// Where a sequence's results go. Calls come from a worker (or from the thread
// that cancels or drains), one at a time, without locks held. What they point
// to lives for the call.
class SequenceSink {
 public:
  virtual ~SequenceSink() = default;

  // Called when a batch has run steps whose results, or state, are wanted.
  // False: no more until Scheduler::Resume. (The sequence may still end.)
  virtual bool OnSteps(const StepResults& results) = 0;

  // Exactly once for every admitted sequence, as the last call.
  virtual void OnDone(const SequenceEnd& end) = 0;
};

// What a caller asks for.
struct SequenceRequest {
  std::shared_ptr<const ServedModel> model;
  int64_t steps = 0;                // T, at least 1
  const float* features = nullptr;  // [T, I], borrowed until OnDone; or else
  std::vector<int32_t> tokens;      // [T]
  std::vector<Tensor> state;        // in StateSpec's order; empty: zeros
  StepSelection selection;
  bool wants_scores = false;
  int64_t state_every = 0;  // steps; above 0 for incremental models only
  // Live: the steps come by Scheduler::Append, so that `steps`, `features` and
  // `tokens` are empty, and all are selected. A head that is applied once is
  // applied to what there is at every step. At most `window` accepted steps may
  // be without results. Incremental models only.
  bool live = false;
  int64_t window = 0;  // steps, at least 1
  int priority = 0;    // kLowestPriority to kHighestPriority
  absl::Time deadline = absl::InfiniteFuture();
  absl::Time start_by = absl::InfiniteFuture();  // or it does not run at all
  SequenceSink* sink = nullptr;                  // borrowed until OnDone
};

// Some steps of a live sequence.
struct Steps {
  int64_t count = 0;
  std::vector<float> features;  // [count, I], or else
  std::vector<int32_t> tokens;  // [count]
};

// A sequence between admission and its end. Made by callers, run by the
// scheduler; the rest is the scheduler's own.
class Sequence {
 public:
  explicit Sequence(SequenceRequest request);

  // Tells observer and sink of its end. For who ended it in the RunQueue, once,
  // without locks.
  void TellEnd(const absl::Status& status, Observer& observer);

 private:
  friend class RunQueue;
  friend class Batch;

  enum class Phase {
    kNew,
    kReady,      // has work
    kRunning,    // in a worker's batch
    kSuspended,  // in an unfinished batch that waits for a worker
    kPaused,     // its reader has to catch up
    kWaiting,    // for its client's next steps
    kEnded
  };

  bool incremental() const { return request_.model->incremental(); }
  // Whether it is too late for it to run, or run on.
  bool Late(absl::Time now) const {
    return now >= (started_ ? request_.deadline
                            : std::min(request_.deadline, request_.start_by));
  }
  // Steps that are there and have not run.
  int64_t steps_left() const { return accepted_ - steps_done_; }
  // The most steps that one batch may run of it.
  int64_t steps_to_stop() const;
  // Whether its state is to be told after so many steps, on the way.
  bool WantsState(int64_t steps) const;
  // Estimated compute of some of its steps.
  absl::Duration Work(int64_t steps) const { return charged_ * steps; }
  // Of a live one: makes the steps that came since the next to be run, once
  // those before have run.
  void TakePending();

  // Of the worker that runs it; between batches of the scheduler's mutex.
  // (Taken from the request, so before it.)
  std::vector<Tensor> state_;

  // Constant after construction.
  const SequenceRequest request_;  // but for its state
  const bool resumed_;             // with a state that the caller gave

  // Of the worker that runs it; between batches of the scheduler's mutex.
  int64_t steps_done_ = 0;
  size_t next_index_ = 0;  // into selection.indices
  bool started_ = false;
  bool state_good_ = true;
  absl::Time delivered_ = absl::InfinitePast();  // the last results
  absl::Duration queue_, compute_, first_step_;
  Steps current_;              // of a live one: what it runs
  int64_t current_first_ = 0;  // the first of them, of all its steps

  // Guarded by the scheduler's mutex.
  Phase phase_ = Phase::kNew;
  uint64_t arrival_ = 0;  // the order of admission
  absl::Time admitted_;
  absl::Time ready_since_;
  Claim claim_;     // while ready
  absl::Time due_;  // while paused or waiting: when it ends
  absl::Time retires_ = absl::InfiniteFuture();  // of a live one
  absl::Duration charged_;  // its share of the backlog, a step
  bool in_backlog_ = false;
  absl::Status stop_;  // not OK: to be ended with it after its batch
  bool reader_full_ = false;
  bool reader_caught_up_ = false;      // Resume came while it ran
  int64_t accepted_ = 0;               // steps that have come
  int64_t settled_ = 0;                // steps_done_ as of its last batch's end
  Steps pending_;                      // of them, those not in current_
  std::optional<absl::Status> close_;  // no more come: how it ends then
  std::deque<int64_t> state_at_;  // after how many steps its state is asked for
  Batch* batch_ = nullptr;        // while suspended
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_SEQUENCE_H_
