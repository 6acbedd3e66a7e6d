#include "core/serve/batch.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/serve/reason.h"

namespace unroll {
namespace {

// A batch keeps so much memory when it is over; what a rare long sequence took
// beyond it is paid for by that sequence's ticket only, and given back.
constexpr int64_t kKeptWorkspace = 64 << 20;  // bytes

absl::Status Overflowed(int64_t first, int64_t last) {
  return WithReason(
      absl::OutOfRangeError(absl::StrFormat(
          "steps %d to %d: a hidden value left float32's range; the network "
          "diverged on this input",
          first, last)),
      Reason::kDiverged);
}

// Leaves out the elements whose `keep` is false.
template <typename T>
void Compact(const std::vector<bool>& keep, std::vector<T>& values) {
  size_t kept = 0;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    if (kept != i) std::swap(values[kept], values[i]);
    ++kept;
  }
  values.resize(kept);
}

}  // namespace

int64_t Batch::longest() const {
  return *std::max_element(steps_.begin(), steps_.end());
}

int64_t Batch::rows() const {
  return std::accumulate(steps_.begin(), steps_.end(), int64_t{0});
}

void Batch::Clear() {
  model_.reset();
  sequences_.clear();
  steps_.clear();
  tells_state_.clear();
  queue_ages_.clear();
  keep_.clear();
  begun_ = done_ = false;
  elapsed_ = absl::ZeroDuration();
}

void Batch::Add(SequencePtr sequence, int64_t steps, absl::Duration queue_age) {
  model_ = sequence->request_.model;
  tells_state_.push_back(sequence->WantsState(sequence->steps_done_ + steps));
  sequences_.push_back(std::move(sequence));
  steps_.push_back(steps);
  queue_ages_.push_back(queue_age);
}

void Batch::DropEnded() {
  keep_.clear();
  bool all = true;
  for (const SequencePtr& sequence : sequences_) {
    keep_.push_back(sequence->phase_ != Sequence::Phase::kEnded);
    all &= keep_.back();
  }
  if (all) {
    keep_.clear();
    return;
  }
  Compact(keep_, sequences_);
  Compact(keep_, steps_);
  Compact(keep_, queue_ages_);
  tells_state_.assign(sequences_.size(), false);  // never of whole ones
}

void Batch::RunQuantum(const Clock& clock, Cores* cores, Observer& observer) {
  run_.cores = cores;
  const absl::Time begin = clock.Now();
  absl::Status status;
  if (!begun_) {
    status = Begin(begin);
  } else if (!keep_.empty()) {
    KeepLiving();
  }
  if (slices_.empty() || !status.ok()) {
    done_ = true;
  } else if (model_->incremental()) {
    status = model_->network->Execute(slices_, run_);
    done_ = true;
  } else {
    status = RunWhole();
    done_ |= !status.ok();
  }
  const absl::Time end = clock.Now();
  quantum_elapsed_ = end - begin;
  elapsed_ += quantum_elapsed_;
  BatchRecord record{.model = model_->info.name, .elapsed = quantum_elapsed_};
  if (done_) {
    if (!slices_.empty()) model_->cost.Observe(longest(), rows(), elapsed_);
    Finish(status);
    Deliver(end);
    record.sequences = std::ssize(sequences_);
    record.steps = longest();
    record.rows = rows();
    record.joined = joined_;
    record.queue_ages = queue_ages_;
    record.gaps = gaps_;
  }
  observer.OnBatch(record);
  if (done_) run_.workspace.Trim(kKeptWorkspace);
}

absl::Status Batch::Begin(absl::Time now) {
  begun_ = true;
  joined_ = 0;
  slices_.clear();
  if (states_.size() < sequences_.size()) {
    states_.resize(sequences_.size());
    wanted_.resize(sequences_.size());
    wanted_local_.resize(sequences_.size());
  }
  for (size_t i = 0; i < sequences_.size(); ++i) {
    Sequence& s = *sequences_[i];
    if (steps_[i] == 0) continue;
    if (!s.started_) {
      ++joined_;
      s.started_ = true;
      s.queue_ = now - s.admitted_;
    }
    if (!s.incremental()) s.state_good_ = false;  // until it is through
    AddSlice(i);
  }
  if (slices_.empty() || model_->incremental()) return absl::OkStatus();
  return model_->network->Begin(slices_, run_);
}

void Batch::AddSlice(size_t i) {
  Sequence& s = *sequences_[i];
  const SequenceRequest& request = s.request_;
  const int64_t first = s.steps_done_;
  const int64_t end = first + steps_[i];

  wanted_[i].clear();
  wanted_local_[i].clear();
  const auto want = [&](int64_t t) {
    wanted_[i].push_back(t);
    wanted_local_[i].push_back(t - first);
  };
  const StepSelection& selection = request.selection;
  if (selection.kind == StepSelection::kAll) {
    for (int64_t t = first; t < end; ++t) want(t);
  } else if (selection.kind == StepSelection::kLast) {
    if (end == request.steps) want(end - 1);
  } else {
    while (s.next_index_ < selection.indices.size() &&
           selection.indices[s.next_index_] < end) {
      want(selection.indices[s.next_index_++]);
    }
  }

  states_[i].clear();
  for (Tensor& tensor : s.state_) states_[i].push_back(tensor.values.data());

  const bool live = request.live;
  const auto& tokens = live ? s.current_.tokens : request.tokens;
  const float* features = live ? s.current_.features.data() : request.features;
  const int64_t offset = live ? first - s.current_first_ : first;
  Slice& slice = slices_.emplace_back();
  slice.steps = steps_[i];
  if (tokens.empty()) {
    slice.features = features + offset * request.model->info.spec.input_size;
  } else {
    slice.tokens = tokens.data() + offset;
  }
  slice.state = states_[i];
  if (request.wants_scores) {
    slice.score_steps = wanted_local_[i];
    slice.wants_scores = live || end == request.steps;
  }
}

absl::Status Batch::RunWhole() {
  const Network& network = *model_->network;
  absl::Duration quantum = quantum_;
  while (!done_ && quantum > absl::ZeroDuration()) {
    // The passes share the estimate alike.
    const absl::Duration step =
        model_->cost.Estimate(1, std::ssize(slices_)) / network.passes();
    const int64_t steps = std::max<int64_t>(1, quantum / step);
    ASSIGN_OR_RETURN(done_, network.Advance(slices_, steps, run_));
    quantum -= step * std::min(steps, longest());
  }
  return absl::OkStatus();
}

void Batch::KeepLiving() {
  model_->network->Keep(keep_, run_);
  Compact(keep_, slices_);
  Compact(keep_, states_);
  Compact(keep_, wanted_);
  Compact(keep_, wanted_local_);
  for (size_t i = 0; i < slices_.size(); ++i) {
    slices_[i].state = states_[i];
    if (sequences_[i]->request_.wants_scores) {
      slices_[i].score_steps = wanted_local_[i];
    }
  }
  keep_.clear();
}

void Batch::Finish(const absl::Status& status) {
  statuses_.assign(sequences_.size(), status);
  for (size_t i = 0; i < sequences_.size(); ++i) {
    if (steps_[i] == 0) continue;
    Sequence& s = *sequences_[i];
    const int64_t first = s.steps_done_;
    s.compute_ += elapsed_;
    if (status.ok() && run_.results[i].overflowed()) {
      statuses_[i] = Overflowed(first, first + steps_[i] - 1);
    }
    s.state_good_ = statuses_[i].ok();
    if (s.state_good_) s.steps_done_ += steps_[i];
  }
}

void Batch::Deliver(absl::Time now) {
  gaps_.clear();
  accepts_more_.assign(sequences_.size(), true);
  for (size_t i = 0; i < sequences_.size(); ++i) {
    if (statuses_[i].ok()) accepts_more_[i] = DeliverTo(i, now);
  }
}

bool Batch::DeliverTo(size_t i, absl::Time now) {
  static const SliceResult kNothing;
  Sequence& s = *sequences_[i];
  const auto& head = model_->info.head;
  std::span<const int64_t> steps;
  int64_t score_rows = 0;
  if (steps_[i] > 0) {
    steps = wanted_[i];
    if (s.request_.wants_scores) {
      score_rows = head && !head->each_step() ? slices_[i].wants_scores
                                              : std::ssize(steps);
    }
  }
  std::optional<StateAt> state;
  if (tells_state_[i]) state = {s.steps_done_, s.state_};
  if (steps.empty() && score_rows == 0 && !state) return true;
  if (!steps.empty() || score_rows > 0) {
    if (s.delivered_ == absl::InfinitePast()) {
      s.first_step_ = now - s.admitted_;
    } else {
      gaps_.push_back(now - s.delivered_);
    }
    s.delivered_ = now;
  }
  return s.request_.sink->OnSteps(
      StepResults(steps, s.steps_done_ - steps_[i],
                  steps_[i] > 0 ? run_.results[i] : kNothing, score_rows, state,
                  !s.request_.live && s.steps_done_ == s.request_.steps));
}

}  // namespace unroll
