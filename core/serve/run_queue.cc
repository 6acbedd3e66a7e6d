#include "core/serve/run_queue.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/serve/reason.h"

namespace unroll {
namespace {

absl::Status PastDeadline(bool started) {
  return absl::DeadlineExceededError(
      started ? "the deadline passed"
              : "the deadline or timeout passed before the sequence was run");
}

int64_t Bytes(std::span<const Tensor> tensors) {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors) {
    bytes += static_cast<int64_t>(tensor.values.size() * sizeof(float));
  }
  return bytes;
}

}  // namespace

absl::Status RunQueue::Submit(std::span<const SequencePtr> sequences,
                              absl::Time now) {
  if (!refusal_.ok()) return refusal_;
  for (const SequencePtr& sequence : sequences) {
    if (sequence->request_.live && !sequence->incremental()) {
      return absl::InvalidArgumentError(
          "a live sequence needs a model whose results come step by step; this "
          "one has to see the whole sequence first");
    }
    RETURN_IF_ERROR(CheckInTime(*sequence, now));
  }
  Ended none;
  for (const SequencePtr& sequence : sequences) {
    Sequence& s = *sequence;
    // Its share of batches as full as they would be if all ran together.
    const int64_t company =
        std::min(options_.policy.max_batch_rows,
                 static_cast<int64_t>(sequences_.size()) + 1);
    s.charged_ = s.request_.model->cost.Estimate(1, company) / company;
    s.admitted_ = now;
    if (s.request_.live) s.retires_ = now + options_.max_live_age;
    s.arrival_ = next_arrival_++;
    sequences_.emplace(s.arrival_, sequence);
    ++models_[s.request_.model.get()].sequences;
    load_.live += s.request_.live;
    load_.state_bytes += Bytes(s.state_);
    Place(sequence, now, none);
  }
  return absl::OkStatus();
}

absl::Status RunQueue::Append(const SequencePtr& sequence, const Steps& steps,
                              absl::Time now) {
  Sequence& s = *sequence;
  if (s.phase_ == Sequence::Phase::kEnded || s.close_ || !s.stop_.ok()) {
    return absl::OkStatus();
  }
  // Of one that runs steps_done_ is its worker's: what has been taken counts
  // as done only when the batch is over.
  const int64_t ahead = s.accepted_ - s.settled_ + steps.count;
  if (ahead > s.request_.window) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "%d steps without results, expected at most %d (the window); wait "
            "for results",
            ahead, s.request_.window)),
        Reason::kWindowOverrun);
  }
  s.pending_.count += steps.count;
  s.pending_.features.insert(s.pending_.features.end(), steps.features.begin(),
                             steps.features.end());
  s.pending_.tokens.insert(s.pending_.tokens.end(), steps.tokens.begin(),
                           steps.tokens.end());
  s.accepted_ += steps.count;
  if (s.in_backlog_) backlog_.Progress(s.incremental(), -s.Work(steps.count));
  if (s.phase_ == Sequence::Phase::kWaiting) {
    Leave(s);
    MakeReady(sequence, now);
  }
  return absl::OkStatus();
}

void RunQueue::Close(const SequencePtr& sequence, const absl::Status& status,
                     absl::Time now, Ended& ended) {
  Sequence& s = *sequence;
  if (s.phase_ == Sequence::Phase::kEnded || s.close_) return;
  s.close_ = status;
  if (s.phase_ != Sequence::Phase::kWaiting &&
      s.phase_ != Sequence::Phase::kPaused)
    return;
  Leave(s);
  Place(sequence, now, ended);
}

void RunQueue::AskForState(const SequencePtr& sequence, absl::Time now) {
  Sequence& s = *sequence;
  if (s.phase_ == Sequence::Phase::kEnded || s.close_) return;
  if (s.state_at_.empty() || s.state_at_.back() != s.accepted_) {
    s.state_at_.push_back(s.accepted_);
  }
  if (s.phase_ != Sequence::Phase::kWaiting) return;
  Leave(s);
  MakeReady(sequence, now);
}

void RunQueue::Cancel(const SequencePtr& sequence, const absl::Status& status,
                      Ended& ended) {
  Sequence& s = *sequence;
  if (s.phase_ == Sequence::Phase::kNew || s.phase_ == Sequence::Phase::kEnded)
    return;
  if (s.phase_ == Sequence::Phase::kRunning) {
    if (s.stop_.ok()) s.stop_ = status;
    return;
  }
  End(sequence, status, ended);
}

void RunQueue::Resume(const SequencePtr& sequence, absl::Time now,
                      Ended& ended) {
  Sequence& s = *sequence;
  if (s.phase_ == Sequence::Phase::kRunning) s.reader_caught_up_ = true;
  if (s.phase_ != Sequence::Phase::kPaused) return;
  s.reader_full_ = false;
  Leave(s);
  Place(sequence, now, ended);
}

void RunQueue::CloseLive(const ServedModel* model, const absl::Status& status,
                         absl::Time now, Ended& ended) {
  std::vector<SequencePtr> idle;
  for (const auto& [arrival, sequence] : sequences_) {
    Sequence& s = *sequence;
    if (!s.request_.live || s.close_) continue;
    if (model != nullptr && s.request_.model.get() != model) continue;
    s.close_ = status;
    if (s.phase_ == Sequence::Phase::kWaiting ||
        s.phase_ == Sequence::Phase::kPaused) {
      idle.push_back(sequence);
    }
  }
  for (const SequencePtr& sequence : idle) {
    Leave(*sequence);
    Place(sequence, now, ended);
  }
}

void RunQueue::CancelAll(const absl::Status& status, Ended& ended) {
  std::vector<SequencePtr> all;
  for (const auto& [arrival, sequence] : sequences_) all.push_back(sequence);
  for (const SequencePtr& sequence : all) Cancel(sequence, status, ended);
}

std::unique_ptr<Batch> RunQueue::Take(absl::Time now, Ended& ended) {
  Expire(now, ended);
  while (Model* model = NextModel()) {
    const bool unfinished_first =
        model->ready.empty() ||
        (!model->unfinished.empty() &&
         model->unfinished.begin()->first < model->ready.begin()->first);
    auto batch =
        unfinished_first ? GoOn(*model, now, ended) : Start(*model, now, ended);
    if (batch == nullptr) continue;
    const StepCost& cost = batch->model_->cost;
    batch->charged_ = cost.Estimate(batch->longest(), batch->rows());
    if (!batch->model_->incremental()) {
      batch->quantum_ =
          QuantumOf(std::ssize(batch->sequences_), options_.policy);
      batch->charged_ = std::min(batch->charged_, batch->quantum_);
    }
    model->charged += batch->charged_;
    model->last_served = ++served_;
    ++model->running;
    return batch;
  }
  return nullptr;
}

std::unique_ptr<Batch> RunQueue::TakeShort(absl::Time now, Ended& ended) {
  if (ready_ != 1) return nullptr;
  const Model& model = *NextModel();
  if (model.ready.empty()) return nullptr;
  const Sequence& s = *model.ready.begin()->second;
  const int64_t steps = s.steps_left();
  if (s.request_.model->cost.Estimate(steps, steps) >
      options_.policy.handover) {
    return nullptr;
  }
  return Take(now, ended);
}

std::unique_ptr<Batch> RunQueue::Start(Model& model, absl::Time now,
                                       Ended& ended) {
  std::vector<SequencePtr> chosen, expired;
  for (const auto& [claim, sequence] : model.ready) {
    if (std::ssize(chosen) == options_.policy.max_batch_rows) break;
    (sequence->Late(now) ? expired : chosen).push_back(sequence);
  }
  auto batch = NewBatch();
  if (!chosen.empty()) {
    if (chosen.front()->incremental()) {
      FillIncremental(chosen, now, *batch);
    } else {
      FillWhole(chosen, now, *batch);
    }
  }
  // The model goes with its last sequence.
  for (const SequencePtr& sequence : expired) {
    End(sequence, PastDeadline(sequence->started_), ended);
  }
  if (!batch->sequences_.empty()) return batch;
  Recycle(std::move(batch));
  return nullptr;
}

void RunQueue::FillIncremental(std::vector<SequencePtr>& chosen, absl::Time now,
                               Batch& batch) {
  for (const SequencePtr& s : chosen) {
    if (s->request_.live) s->TakePending();
  }
  // Those that only tell their state come last.
  const auto idle = std::stable_partition(
      chosen.begin(), chosen.end(),
      [](const SequencePtr& s) { return s->steps_to_stop() > 0; });
  std::vector<int64_t> steps;
  for (auto s = chosen.begin(); s != idle; ++s) {
    steps.push_back((*s)->steps_to_stop());
  }
  if (!steps.empty()) {
    steps = StepsInQuantum(steps, chosen.front()->request_.model->cost,
                           QuantumOf(std::ssize(steps), options_.policy));
  }
  steps.resize(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    Sequence& s = *chosen[i];
    Leave(s);
    SetPhase(s, Sequence::Phase::kRunning);
    s.reader_caught_up_ = false;
    batch.Add(chosen[i], steps[i], now - s.ready_since_);
    if (!s.state_at_.empty() &&
        s.state_at_.front() == s.steps_done_ + steps[i]) {
      s.state_at_.pop_front();
    }
  }
}

void RunQueue::FillWhole(const std::vector<SequencePtr>& chosen, absl::Time now,
                         Batch& batch) {
  std::vector<int64_t> steps;
  for (const SequencePtr& s : chosen) steps.push_back(s->steps_left());
  for (const size_t i :
       WholeTogether(steps, chosen.front()->request_.model->cost,
                     options_.policy.quantum)) {
    Sequence& s = *chosen[i];
    Leave(s);
    SetPhase(s, Sequence::Phase::kRunning);
    batch.Add(chosen[i], steps[i], now - s.ready_since_);
  }
}

std::unique_ptr<Batch> RunQueue::GoOn(Model& model, absl::Time now,
                                      Ended& ended) {
  const auto first = model.unfinished.begin();
  std::vector<SequencePtr> expired;
  for (const SequencePtr& sequence : first->second->sequences_) {
    if (sequence->phase_ == Sequence::Phase::kSuspended &&
        sequence->Late(now)) {
      expired.push_back(sequence);
    }
  }
  if (!expired.empty()) {  // maybe the batch, and the model, with it
    for (const SequencePtr& s : expired) End(s, PastDeadline(true), ended);
    return nullptr;
  }
  auto batch = std::move(first->second);
  model.unfinished.erase(first);
  --ready_;
  batch->DropEnded();
  for (const SequencePtr& sequence : batch->sequences_) {
    SetPhase(*sequence, Sequence::Phase::kRunning);
    sequence->batch_ = nullptr;
  }
  return batch;
}

void RunQueue::Complete(std::unique_ptr<Batch> batch, absl::Time now,
                        Ended& ended) {
  const ServedModel* served = batch->model_.get();
  Model& before = models_.at(served);
  before.used += batch->quantum_elapsed_;
  before.charged -= batch->charged_;
  if (batch->done()) {
    Settle(std::move(batch), now, ended);
  } else {
    Suspend(std::move(batch), now, ended);
  }
  // Last, so that a model that goes on is not taken for one that comes back.
  const auto model = models_.find(served);
  if (model != models_.end()) --model->second.running;
}

void RunQueue::Settle(std::unique_ptr<Batch> batch, absl::Time now,
                      Ended& ended) {
  for (size_t i = 0; i < batch->sequences_.size(); ++i) {
    const SequencePtr& sequence = batch->sequences_[i];
    Sequence& s = *sequence;
    const int64_t ran =
        s.steps_done_ - std::exchange(s.settled_, s.steps_done_);
    if (s.in_backlog_) backlog_.Progress(s.incremental(), s.Work(ran));
    if (!batch->statuses_[i].ok()) s.stop_ = batch->statuses_[i];
    s.reader_full_ = !batch->accepts_more_[i] && !s.reader_caught_up_;
    Place(sequence, now, ended);
  }
  Recycle(std::move(batch));
}

// Its sequences stay together until they are through.
void RunQueue::Suspend(std::unique_ptr<Batch> batch, absl::Time now,
                       Ended& ended) {
  Model& model = models_.at(batch->model_.get());
  std::vector<SequencePtr> stopped;
  std::optional<Claim> claim;
  for (const SequencePtr& sequence : batch->sequences_) {
    Sequence& s = *sequence;
    SetPhase(s, Sequence::Phase::kSuspended);
    if (!s.stop_.ok()) {
      stopped.push_back(sequence);
      continue;
    }
    s.batch_ = batch.get();
    const Claim own = ClaimOf({.priority = s.request_.priority,
                               .started = true,
                               .deadline = s.request_.deadline,
                               .arrival = s.arrival_,
                               .ready_since = now},
                              options_.policy.ageing);
    if (!claim || own < *claim) claim = own;
  }
  if (claim) {
    Awake(model);
    batch->claim_ = *claim;
    model.unfinished.emplace(*claim, std::move(batch));
    ++ready_;
  } else {
    Recycle(std::move(batch));
  }
  for (const SequencePtr& sequence : stopped) {
    End(sequence, sequence->stop_, ended);
  }
}

absl::Time RunQueue::next_due() const {
  return due_.empty() ? absl::InfiniteFuture() : due_.begin()->first;
}

absl::StatusOr<absl::Duration> RunQueue::PredictedWait() const {
  if (!refusal_.ok()) return refusal_;
  return Ahead();
}

absl::Duration RunQueue::Ahead() const {
  return backlog_.Ahead(options_.policy.max_batch_rows) / options_.workers;
}

// What cannot end in time only takes the place of what can. Where there is
// place, the estimate is not worth a refusal.
absl::Status RunQueue::CheckInTime(const Sequence& s, absl::Time now) const {
  const int64_t rows = options_.policy.max_batch_rows;
  if (s.request_.deadline == absl::InfiniteFuture() ||
      load_.ready + load_.running < rows) {
    return absl::OkStatus();
  }
  const int64_t steps = s.request_.steps;
  const absl::Duration wait = Ahead();
  const absl::Duration run = s.request_.model->cost.Estimate(
      steps, s.incremental() ? steps * rows : steps);
  const absl::Duration left = s.request_.deadline - now;
  if (wait + run <= left) return absl::OkStatus();
  return QueueTooLong(absl::StrFormat(
      "predicted wait %s and then %s for %d steps, the deadline is in %s",
      absl::FormatDuration(wait), absl::FormatDuration(run), steps,
      absl::FormatDuration(left)));
}

void RunQueue::Place(const SequencePtr& sequence, absl::Time now,
                     Ended& ended) {
  Sequence& s = *sequence;
  if (!s.stop_.ok()) return End(sequence, s.stop_, ended);
  Retire(s, now);
  const bool has_work = s.steps_left() > 0 || !s.state_at_.empty();
  const bool all_came = !s.request_.live || s.close_;
  if (!has_work && all_came) {
    return End(sequence, s.close_.value_or(absl::OkStatus()), ended);
  }
  if (s.reader_full_) {
    Wait(s, Sequence::Phase::kPaused, now + options_.slow_reader_timeout);
  } else if (has_work) {
    MakeReady(sequence, now);
  } else {
    Wait(s, Sequence::Phase::kWaiting, now + options_.idle_timeout);
  }
}

void RunQueue::MakeReady(const SequencePtr& sequence, absl::Time now) {
  Sequence& s = *sequence;
  Model& model = models_.at(s.request_.model.get());
  Awake(model);
  s.ready_since_ = now;
  s.claim_ = ClaimOf({.priority = s.request_.priority,
                      .started = s.started_,
                      .deadline = s.request_.deadline,
                      .arrival = s.arrival_,
                      .ready_since = now},
                     options_.policy.ageing);
  model.ready.emplace(s.claim_, sequence);
  ++ready_;
  SetPhase(s, Sequence::Phase::kReady);
  CountInBacklog(s, true);
}

void RunQueue::Wait(Sequence& s, Sequence::Phase phase, absl::Time due) {
  s.due_ = std::min(due, s.request_.deadline);
  if (!s.close_) s.due_ = std::min(s.due_, s.retires_);
  due_.emplace(s.due_, s.arrival_);
  SetPhase(s, phase);
  CountInBacklog(s, false);
}

void RunQueue::Leave(Sequence& s) {
  if (s.phase_ == Sequence::Phase::kReady) {
    models_.at(s.request_.model.get()).ready.erase(s.claim_);
    --ready_;
  } else if (s.phase_ == Sequence::Phase::kPaused ||
             s.phase_ == Sequence::Phase::kWaiting) {
    due_.erase({s.due_, s.arrival_});
  } else if (s.phase_ == Sequence::Phase::kSuspended && s.batch_ != nullptr) {
    // The batch leaves it out when it goes on, if any other is left in it.
    Batch* batch = std::exchange(s.batch_, nullptr);
    const bool others = std::any_of(
        batch->sequences_.begin(), batch->sequences_.end(),
        [&](const SequencePtr& other) { return other->batch_ == batch; });
    if (others) return;
    Model& model = models_.at(s.request_.model.get());
    const auto unfinished = model.unfinished.find(batch->claim_);
    Recycle(std::move(unfinished->second));
    model.unfinished.erase(unfinished);
    --ready_;
  }
}

int64_t& RunQueue::Counter(Sequence::Phase phase) {
  switch (phase) {
    case Sequence::Phase::kReady:
      return load_.ready;
    case Sequence::Phase::kRunning:
      return load_.running;
    case Sequence::Phase::kSuspended:
      return load_.suspended;
    case Sequence::Phase::kPaused:
      return load_.paused;
    default:
      return load_.waiting;
  }
}

void RunQueue::SetPhase(Sequence& s, Sequence::Phase phase) {
  if (s.phase_ != Sequence::Phase::kNew) --Counter(s.phase_);
  s.phase_ = phase;
  if (phase != Sequence::Phase::kEnded) ++Counter(phase);
}

void RunQueue::CountInBacklog(Sequence& s, bool in) {
  if (s.in_backlog_ == in) return;
  s.in_backlog_ = in;
  const absl::Duration work = s.Work(s.steps_left());
  if (in) {
    backlog_.Add(s.incremental(), work);
  } else {
    backlog_.Remove(s.incremental(), work);
  }
}

void RunQueue::End(const SequencePtr& sequence, const absl::Status& status,
                   Ended& ended) {
  Sequence& s = *sequence;
  Leave(s);
  SetPhase(s, Sequence::Phase::kEnded);
  CountInBacklog(s, false);
  load_.live -= s.request_.live;
  load_.state_bytes -= Bytes(s.state_);
  const auto model = models_.find(s.request_.model.get());
  if (--model->second.sequences == 0) models_.erase(model);
  ended.emplace_back(sequence, status);
  sequences_.erase(s.arrival_);
}

void RunQueue::Expire(absl::Time now, Ended& ended) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const SequencePtr sequence = sequences_.at(due_.begin()->second);
    absl::Status status = PastDeadline(sequence->started_);
    if (sequence->request_.deadline > now) {
      if (Retire(*sequence, now)) {
        Leave(*sequence);
        Place(sequence, now, ended);
        continue;
      }
      const bool waiting = sequence->phase_ == Sequence::Phase::kWaiting;
      status = WithReason(
          absl::AbortedError(absl::StrFormat(
              "%s for %s (%s)", waiting ? "no step came" : "no result was read",
              absl::FormatDuration(waiting ? options_.idle_timeout
                                           : options_.slow_reader_timeout),
              waiting ? "--idle-timeout" : "--slow-reader-timeout")),
          waiting ? Reason::kExpired : Reason::kSlowReader);
    }
    End(sequence, status, ended);
  }
}

bool RunQueue::Retire(Sequence& s, absl::Time now) {
  if (s.close_ || now < s.retires_) return false;
  s.close_ = WithReason(
      absl::UnavailableError(absl::StrFormat(
          "the sequence has lasted %s (--max-connection-age); go on from its "
          "state token",
          absl::FormatDuration(options_.max_live_age))),
      Reason::kDraining);
  return true;
}

RunQueue::Model* RunQueue::NextModel() {
  Model* next = nullptr;
  for (auto& [served, model] : models_) {
    if (!model.has_ready()) continue;
    if (next == nullptr || std::pair(model.used, model.last_served) <
                               std::pair(next->used, next->last_served)) {
      next = &model;
    }
  }
  if (next != nullptr) level_ = std::max(level_, next->used);
  return next;
}

void RunQueue::Awake(Model& model) {
  if (model.has_ready() || model.running > 0) return;
  model.used = std::max(model.used, level_);
}

std::unique_ptr<Batch> RunQueue::NewBatch() {
  if (spare_.empty()) return std::make_unique<Batch>();
  auto batch = std::move(spare_.back());
  spare_.pop_back();
  return batch;
}

void RunQueue::Recycle(std::unique_ptr<Batch> batch) {
  batch->Clear();
  if (std::ssize(spare_) < options_.workers) spare_.push_back(std::move(batch));
}

}  // namespace unroll
