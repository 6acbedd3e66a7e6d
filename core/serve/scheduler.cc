#include "core/serve/scheduler.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_format.h"
#include "core/serve/scheduler_worker.h"

namespace unroll {
namespace {

// A worker keeps so much memory between batches; what a rare long sequence took
// beyond it is paid for by that sequence's ticket only, and given back.
constexpr int64_t kKeptWorkspace = 64 << 20;  // bytes

absl::Status Draining() {
  return absl::UnavailableError("the server is draining; try another");
}

absl::Status Overflowed(int64_t first, int64_t last) {
  return absl::OutOfRangeError(absl::StrFormat(
      "steps %d to %d: a hidden value left float32's range; the network "
      "diverged on this input",
      first, last));
}

}  // namespace

Scheduler::Scheduler(const Options& options, const Clock& clock,
                     Observer& observer)
    : options_(options),
      clock_(clock),
      observer_(observer),
      cores_(options.workers) {
  for (int64_t i = 0; i < options_.workers; ++i) {
    workers_.emplace_back([this] { RunWorker(); });
  }
}

Scheduler::~Scheduler() {
  Drain(absl::ZeroDuration());
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.NotifyAll();
  for (std::thread& worker : workers_) worker.join();
}

absl::Status Scheduler::Submit(std::span<const SequencePtr> sequences) {
  const absl::Time now = clock_.Now();
  {
    MutexLock lock(mutex_);
    if (draining_) return Draining();
    for (const SequencePtr& sequence : sequences) {
      Sequence& s = *sequence;
      // Its share of batches as full as they would be if all ran together.
      const int64_t company = std::min(options_.policy.max_batch_rows,
                                       static_cast<int64_t>(live_.size()) + 1);
      s.charged_ = s.request_.model->cost.Estimate(1, company) / company;
      s.admitted_ = now;
      s.arrival_ = next_arrival_++;
      backlog_.Add(s.incremental(), s.work_left());
      live_.emplace(s.arrival_, sequence);
      Enqueue(sequence);
    }
  }
  work_.NotifyOne();  // who takes a batch and leaves some wakes the next
  return absl::OkStatus();
}

void Scheduler::Cancel(const SequencePtr& sequence,
                       const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    Sequence& s = *sequence;
    if (s.phase_ == Sequence::Phase::kRunning) s.stop_ = status;
    if (s.phase_ != Sequence::Phase::kReady &&
        s.phase_ != Sequence::Phase::kPaused) {
      return;
    }
    MarkEnded(s);
  }
  Finish(*sequence, status);
}

void Scheduler::Resume(const SequencePtr& sequence) {
  {
    MutexLock lock(mutex_);
    Sequence& s = *sequence;
    if (s.phase_ == Sequence::Phase::kRunning) s.resumed_ = true;
    if (s.phase_ != Sequence::Phase::kPaused) return;
    backlog_.Add(s.incremental(), s.work_left());
    Enqueue(sequence);
  }
  work_.NotifyOne();
}

absl::StatusOr<absl::Duration> Scheduler::PredictedWait() const {
  MutexLock lock(mutex_);
  if (draining_) return Draining();
  return backlog_.Ahead(options_.policy.max_batch_rows) / options_.workers;
}

Scheduler::Load Scheduler::load() const {
  MutexLock lock(mutex_);
  return {.waiting = static_cast<int64_t>(live_.size()) - running_,
          .running = running_};
}

bool Scheduler::Drain(absl::Duration patience) {
  using SteadyClock = std::chrono::steady_clock;
  const auto deadline =
      SteadyClock::now() + absl::ToChronoMicroseconds(patience);
  const absl::Status stop =
      absl::UnavailableError("the server is shutting down");
  std::vector<SequencePtr> rest;
  {
    MutexLock lock(mutex_);
    draining_ = true;
    while (!live_.empty() || finishing_ > 0) {
      const auto left = deadline - SteadyClock::now();
      if (left <= SteadyClock::duration::zero()) break;
      idle_.WaitFor(mutex_, left);
    }
    if (live_.empty() && finishing_ == 0) return true;
    for (const auto& [arrival, sequence] : live_) {
      if (sequence->phase_ == Sequence::Phase::kRunning) {
        sequence->stop_ = stop;
      } else {
        rest.push_back(sequence);
      }
    }
    for (const SequencePtr& sequence : rest) MarkEnded(*sequence);
  }
  for (const SequencePtr& sequence : rest) Finish(*sequence, stop);
  MutexLock lock(mutex_);
  while (!live_.empty() || finishing_ > 0) idle_.Wait(mutex_);
  return false;
}

void Scheduler::RunWorker() {
  Worker worker;
  worker.run.cores = &cores_;
  Batch batch;
  while (TakeBatch(batch)) {
    for (const SequencePtr& sequence : batch.expired) {
      Finish(*sequence, absl::DeadlineExceededError(
                            "the deadline passed before the sequence was run"));
    }
    if (!batch.sequences.empty()) RunBatch(batch, worker);
    batch = Batch();
  }
}

const ServedModel* Scheduler::NextModel() const {
  return std::min_element(ready_.begin(), ready_.end(),
                          [](const auto& a, const auto& b) {
                            return a.second.turn < b.second.turn;
                          })
      ->first;
}

bool Scheduler::TakeBatch(Batch& batch) {
  MutexLock lock(mutex_);
  while (ready_.empty() && !stopping_) work_.Wait(mutex_);
  if (stopping_) return false;

  const ServedModel* model = NextModel();
  ReadyModel& ready = ready_.at(model);
  ready.turn = next_turn_++;
  std::map<uint64_t, SequencePtr>& waiting = ready.sequences;
  std::vector<SequencePtr> candidates;
  std::vector<SequenceView> views;
  for (const auto& [arrival, sequence] : waiting) {
    if (static_cast<int64_t>(views.size()) == options_.policy.max_batch_rows) {
      break;
    }
    candidates.push_back(sequence);
    views.push_back({sequence->steps_to_stop(), sequence->request_.deadline});
  }
  const BatchPlan plan = PlanBatch(views, model->incremental(), model->cost,
                                   clock_.Now(), options_.policy);
  batch.model = candidates.front()->request_.model;
  for (int64_t index : plan.expired) {
    batch.expired.push_back(candidates[index]);
    MarkEnded(*candidates[index]);
  }
  for (const Take& take : plan.takes) {
    Sequence& sequence = *candidates[take.index];
    sequence.phase_ = Sequence::Phase::kRunning;
    sequence.resumed_ = false;
    waiting.erase(sequence.arrival_);
    ++running_;
    batch.sequences.push_back(candidates[take.index]);
    batch.steps.push_back(take.steps);
  }
  if (!plan.takes.empty() && waiting.empty()) ready_.erase(model);
  // What is left is for the next worker.
  if (!ready_.empty()) work_.NotifyOne();
  return true;
}

void Scheduler::RunBatch(const Batch& batch, Worker& worker) {
  const absl::Time begin = clock_.Now();
  BatchRecord record{.model = batch.model->info.name,
                     .sequences = std::ssize(batch.sequences)};
  int64_t longest = 0;
  worker.Begin(batch.sequences.size());
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    Sequence& sequence = *batch.sequences[i];
    if (!sequence.started_) {
      sequence.started_ = true;
      sequence.queue_ = begin - sequence.admitted_;
    }
    worker.Add(sequence, batch.steps[i]);
    record.rows += batch.steps[i];
    longest = std::max(longest, batch.steps[i]);
  }

  const absl::Status status =
      batch.model->network->Execute(worker.slices, worker.run);
  const absl::Duration elapsed = clock_.Now() - begin;
  batch.model->cost.Observe(longest, record.rows, elapsed);
  std::vector<absl::Status> statuses(batch.sequences.size(), status);
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    Sequence& sequence = *batch.sequences[i];
    const int64_t first = sequence.steps_done_;
    sequence.compute_ += elapsed;
    sequence.steps_done_ += batch.steps[i];
    if (status.ok() && worker.run.results[i].overflowed()) {
      statuses[i] = Overflowed(first, sequence.steps_done_ - 1);
    }
  }
  observer_.OnBatch(record);
  Continue(batch, statuses, Deliver(batch, statuses, worker));
  worker.run.workspace.Trim(kKeptWorkspace);
}

std::vector<bool> Scheduler::Deliver(const Batch& batch,
                                     std::span<const absl::Status> statuses,
                                     Worker& worker) {
  std::vector<bool> accepts_more(batch.sequences.size(), true);
  const auto& head = batch.model->info.head;
  const bool once = head && !head->each_step();
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    Sequence& s = *batch.sequences[i];
    if (!statuses[i].ok()) continue;
    const bool done = s.steps_done_ == s.request_.steps;
    int64_t score_rows = 0;
    if (s.request_.wants_scores) {
      score_rows = once ? done : std::ssize(worker.wanted[i]);
    }
    std::optional<StateAt> state;
    if (s.wants_state(s.steps_done_)) state = {s.steps_done_, s.state_};
    if (worker.wanted[i].empty() && score_rows == 0 && !state) continue;
    if (!s.delivered_) {
      s.delivered_ = true;
      s.first_step_ = clock_.Now() - s.admitted_;
    }
    accepts_more[i] = s.request_.sink->OnSteps(
        StepResults(worker.wanted[i], s.steps_done_ - batch.steps[i],
                    worker.run.results[i], score_rows, state));
  }
  return accepts_more;
}

void Scheduler::Continue(const Batch& batch,
                         std::span<const absl::Status> statuses,
                         const std::vector<bool>& accepts_more) {
  std::vector<std::pair<Sequence*, absl::Status>> ended;
  bool more = false;
  {
    MutexLock lock(mutex_);
    for (size_t i = 0; i < batch.sequences.size(); ++i) {
      Sequence& s = *batch.sequences[i];
      --running_;
      backlog_.Progress(s.incremental(), s.Work(batch.steps[i]));
      const bool done = s.steps_done_ == s.request_.steps;
      if (!statuses[i].ok() || done) {
        ended.emplace_back(&s, statuses[i]);
      } else if (!s.stop_.ok()) {
        ended.emplace_back(&s, s.stop_);
      } else if (accepts_more[i] || s.resumed_) {
        Enqueue(batch.sequences[i]);
        more = true;
      } else {
        s.phase_ = Sequence::Phase::kPaused;
        backlog_.Remove(s.incremental(), s.work_left());
      }
    }
    for (auto& [sequence, end] : ended) MarkEnded(*sequence);
  }
  // This worker is about to be busy telling; another may go on meanwhile.
  if (more && !ended.empty()) work_.NotifyOne();
  for (auto& [sequence, end] : ended) Finish(*sequence, end);
}

void Scheduler::Enqueue(const SequencePtr& sequence) {
  sequence->phase_ = Sequence::Phase::kReady;
  const auto [ready, is_new] =
      ready_.try_emplace(sequence->request_.model.get());
  if (is_new) ready->second.turn = next_turn_++;
  ready->second.sequences.emplace(sequence->arrival_, sequence);
}

void Scheduler::MarkEnded(Sequence& s) {
  if (s.phase_ == Sequence::Phase::kReady) {
    const auto ready = ready_.find(s.request_.model.get());
    ready->second.sequences.erase(s.arrival_);
    if (ready->second.sequences.empty()) ready_.erase(ready);
  }
  if (s.phase_ != Sequence::Phase::kPaused) {
    backlog_.Remove(s.incremental(), s.work_left());
  }
  s.phase_ = Sequence::Phase::kEnded;
  live_.erase(s.arrival_);
  ++finishing_;
}

void Scheduler::Finish(Sequence& s, const absl::Status& status) {
  observer_.OnSequence({.model = s.request_.model->info.name,
                        .code = status.code(),
                        .steps = s.steps_done_,
                        .started = s.started_,
                        .queue = s.queue_,
                        .compute = s.compute_,
                        .first_step = s.first_step_});
  s.request_.sink->OnDone({.status = status,
                           .state = s.state_,
                           .queue = s.queue_,
                           .compute = s.compute_});
  MutexLock lock(mutex_);
  --finishing_;
  idle_.NotifyAll();  // under the lock: who waits may destroy the scheduler
}

}  // namespace unroll
