#include "core/serve/sequence.h"

#include <algorithm>
#include <utility>

namespace unroll {

Sequence::Sequence(SequenceRequest request)
    : state_(std::move(request.state)),
      request_(std::move(request)),
      resumed_(!state_.empty()),
      accepted_(request_.steps) {
  if (resumed_) return;
  for (const StateTensorSpec& spec : StateSpec(request_.model->info)) {
    state_.push_back(ZeroTensor(spec.shape));
  }
}

int64_t Sequence::steps_to_stop() const {
  int64_t steps = request_.live ? current_first_ + current_.count - steps_done_
                                : steps_left();
  if (const int64_t every = request_.state_every; every > 0) {
    steps = std::min(steps, every - steps_done_ % every);
  }
  if (!state_at_.empty()) {
    steps = std::min(steps, state_at_.front() - steps_done_);
  }
  const auto& head = request_.model->info.head;
  if (request_.live && request_.wants_scores && !head->each_step()) {
    steps = std::min<int64_t>(steps, 1);
  }
  return steps;
}

bool Sequence::WantsState(int64_t steps) const {
  const int64_t every = request_.state_every;
  return (every > 0 && steps > steps_done_ && steps % every == 0) ||
         (!state_at_.empty() && state_at_.front() == steps);
}

void Sequence::TellEnd(const absl::Status& status, Observer& observer) {
  observer.OnSequence({.model = request_.model->info.name,
                       .status = status,
                       .steps = steps_done_,
                       .resumed = resumed_,
                       .started = started_,
                       .queue = queue_,
                       .compute = compute_,
                       .first_step = first_step_});
  SequenceEnd end{.status = status,
                  .steps = steps_done_,
                  .queue = queue_,
                  .compute = compute_};
  if (state_good_) end.state = state_;
  request_.sink->OnDone(end);
}

void Sequence::TakePending() {
  if (current_first_ + current_.count > steps_done_) return;
  std::swap(current_, pending_);
  current_first_ = steps_done_;
  pending_.count = 0;
  pending_.features.clear();
  pending_.tokens.clear();
}

}  // namespace unroll
