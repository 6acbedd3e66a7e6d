#include "core/serve/scheduler.h"

#include <chrono>

#include "core/serve/reason.h"

namespace unroll {
namespace {

absl::Status Draining() {
  return WithReason(
      absl::UnavailableError("the server is draining; try another"),
      Reason::kDraining);
}

}  // namespace

Scheduler::Scheduler(const Options& options, const Clock& clock,
                     Observer& observer)
    : options_(options),
      clock_(clock),
      observer_(observer),
      cores_(options.workers),
      queue_(options) {
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
    const absl::Status status = queue_.Submit(sequences, now);
    if (!status.ok()) return status;
  }
  // For something ready (who takes a batch and leaves some wakes the next), or
  // for a live one's time to be watched.
  work_.NotifyOne();
  return absl::OkStatus();
}

absl::Status Scheduler::Append(const SequencePtr& sequence,
                               const Steps& steps) {
  absl::Status status;
  Change([&](RunQueue& queue, absl::Time now, RunQueue::Ended&) {
    status = queue.Append(sequence, steps, now);
  });
  return status;
}

void Scheduler::Close(const SequencePtr& sequence, const absl::Status& status) {
  Change([&](RunQueue& queue, absl::Time now, RunQueue::Ended& ended) {
    queue.Close(sequence, status, now, ended);
  });
}

void Scheduler::AskForState(const SequencePtr& sequence) {
  Change([&](RunQueue& queue, absl::Time now, RunQueue::Ended&) {
    queue.AskForState(sequence, now);
  });
}

void Scheduler::Cancel(const SequencePtr& sequence,
                       const absl::Status& status) {
  Change([&](RunQueue& queue, absl::Time, RunQueue::Ended& ended) {
    queue.Cancel(sequence, status, ended);
  });
}

void Scheduler::Resume(const SequencePtr& sequence) {
  Change([&](RunQueue& queue, absl::Time now, RunQueue::Ended& ended) {
    queue.Resume(sequence, now, ended);
  });
}

void Scheduler::CloseLive(const ServedModel& model,
                          const absl::Status& status) {
  Change([&](RunQueue& queue, absl::Time now, RunQueue::Ended& ended) {
    queue.CloseLive(&model, status, now, ended);
  });
}

template <typename F>
void Scheduler::Change(const F& change) {
  const absl::Time now = clock_.Now();
  RunQueue::Ended ended;
  bool ready;
  {
    MutexLock lock(mutex_);
    change(queue_, now, ended);
    finishing_ += std::ssize(ended);
    ready = queue_.has_ready();
  }
  Wake(ready);
  Tell(ended);
}

absl::StatusOr<absl::Duration> Scheduler::PredictedWait() const {
  MutexLock lock(mutex_);
  return queue_.PredictedWait();
}

RunQueue::Load Scheduler::load() const {
  MutexLock lock(mutex_);
  return queue_.load();
}

void Scheduler::Refuse() {
  MutexLock lock(mutex_);
  queue_.Refuse(Draining());
}

bool Scheduler::Drain(absl::Duration patience) {
  using SteadyClock = std::chrono::steady_clock;
  const auto deadline =
      SteadyClock::now() + absl::ToChronoMicroseconds(patience);
  const absl::Time now = clock_.Now();
  RunQueue::Ended ended;
  {
    MutexLock lock(mutex_);
    queue_.Refuse(Draining());
    queue_.CloseLive(nullptr, Draining(), now, ended);
    finishing_ += std::ssize(ended);
  }
  work_.NotifyAll();
  Tell(ended);
  ended.clear();
  bool drained;
  {
    MutexLock lock(mutex_);
    while (!queue_.empty() || finishing_ > 0) {
      const auto left = deadline - SteadyClock::now();
      if (left <= SteadyClock::duration::zero()) break;
      idle_.WaitFor(mutex_, left);
    }
    drained = queue_.empty() && finishing_ == 0;
    queue_.CancelAll(
        WithReason(absl::UnavailableError("the server is shutting down"),
                   Reason::kDraining),
        ended);
    finishing_ += std::ssize(ended);
  }
  Tell(ended);
  MutexLock lock(mutex_);
  while (!queue_.empty() || finishing_ > 0) idle_.Wait(mutex_);
  return drained;
}

void Scheduler::RunWorker() {
  while (auto batch = TakeBatch()) {
    batch->RunQuantum(clock_, options_.policy.quantum, &cores_, observer_);
    const absl::Time now = clock_.Now();
    RunQueue::Ended ended;
    bool ready;
    {
      MutexLock lock(mutex_);
      queue_.Complete(std::move(batch), now, ended);
      finishing_ += std::ssize(ended);
      ready = queue_.has_ready() && !ended.empty();
    }
    // This worker is about to be busy telling; another may go on meanwhile.
    Wake(ready);
    Tell(ended);
  }
}

std::unique_ptr<Batch> Scheduler::TakeBatch() {
  while (true) {
    RunQueue::Ended ended;
    std::unique_ptr<Batch> batch;
    bool ready = false;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !queue_.has_ready() &&
             queue_.next_due() > clock_.Now()) {
        if (queue_.next_due() == absl::InfiniteFuture()) {
          work_.Wait(mutex_);
        } else {
          work_.WaitFor(mutex_, absl::ToChronoMicroseconds(queue_.next_due() -
                                                           clock_.Now()) +
                                    std::chrono::microseconds(1));
        }
      }
      if (stopping_) return nullptr;
      batch = queue_.Take(clock_.Now(), ended);
      finishing_ += std::ssize(ended);
      ready = queue_.has_ready();
    }
    Wake(ready);  // what is left is for the next worker
    Tell(ended);
    if (batch != nullptr) return batch;
  }
}

void Scheduler::Tell(const RunQueue::Ended& ended) {
  if (ended.empty()) return;
  for (const auto& [sequence, status] : ended) {
    sequence->TellEnd(status, observer_);
  }
  MutexLock lock(mutex_);
  finishing_ -= std::ssize(ended);
  idle_.NotifyAll();  // under the lock: who waits may destroy the scheduler
}

}  // namespace unroll
