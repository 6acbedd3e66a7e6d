#ifndef UNROLL_CORE_SERVE_SEQUENCE_H_
#define UNROLL_CORE_SERVE_SEQUENCE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/model/tensor.h"
#include "core/serve/served_model.h"

namespace unroll {

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
              std::optional<StateAt> state)
      : steps_(steps),
        slice_begin_(slice_begin),
        result_(result),
        score_rows_(score_rows),
        state_(state) {}

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

 private:
  std::span<const int64_t> steps_;
  int64_t slice_begin_;
  const SliceResult& result_;
  int64_t score_rows_;
  std::optional<StateAt> state_;
};

struct SequenceEnd {
  absl::Status status;
  // The state after the last step that ran, in StateSpec's order. Borrowed.
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
  // False: no more until Scheduler::Resume.
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
  absl::Time deadline = absl::InfiniteFuture();
  SequenceSink* sink = nullptr;  // borrowed until OnDone
};

// A sequence between admission and its end. Made by callers, run by the
// scheduler; the rest is the scheduler's own.
class Sequence {
 public:
  explicit Sequence(SequenceRequest request);

 private:
  friend class Scheduler;

  bool incremental() const { return request_.model->incremental(); }
  // Estimated compute of some of its steps.
  absl::Duration Work(int64_t steps) const { return charged_ * steps; }
  absl::Duration work_left() const {
    return Work(request_.steps - steps_done_);
  }

  // Whether the state after `step` steps is wanted.
  bool wants_state(int64_t step) const {
    return request_.state_every > 0 && step % request_.state_every == 0;
  }
  // The most steps that one batch may run of it.
  int64_t steps_to_stop() const {
    const int64_t left = request_.steps - steps_done_;
    const int64_t every = request_.state_every;
    return every == 0 ? left : std::min(left, every - steps_done_ % every);
  }

  enum class Phase { kNew, kReady, kRunning, kPaused, kEnded };

  // Of the worker that runs it; between batches of the scheduler's mutex.
  // (Taken from the request, so before it.)
  std::vector<Tensor> state_;

  // Constant after construction.
  const SequenceRequest request_;  // but for its state

  // Of the worker that runs it; between batches of the scheduler's mutex.
  int64_t steps_done_ = 0;
  size_t next_index_ = 0;  // into selection.indices
  bool started_ = false;
  bool delivered_ = false;
  absl::Duration queue_, compute_, first_step_;

  // Guarded by the scheduler's mutex.
  Phase phase_ = Phase::kNew;
  uint64_t arrival_ = 0;  // the order of admission
  absl::Time admitted_;
  absl::Duration charged_;  // its share of the backlog, a step
  absl::Status stop_;       // not OK: to be ended with it after its batch
  bool resumed_ = false;    // Resume came while it ran
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_SEQUENCE_H_
