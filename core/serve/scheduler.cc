#include "core/serve/scheduler.h"

#include <algorithm>
#include <chrono>

#include "core/serve/reason.h"

namespace unroll {
namespace {

absl::Status Draining() {
  return WithReason(
      absl::UnavailableError("the server is draining; try another"),
      Reason::kDraining);
}

// Whether this thread is in a call of a sink. What is brought then is left to
// the workers, or a chain of short sequences would nest without end.
thread_local bool in_sink = false;

class SinkCalls {
 public:
  SinkCalls() { in_sink = true; }
  ~SinkCalls() { in_sink = before_; }

 private:
  const bool before_ = in_sink;
};

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
  absl::Status status;
  Change([&](RunQueue& queue, absl::Time now, RunQueue::Ended&) {
    status = queue.Submit(sequences, now);
  });
  return status;
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
  std::unique_ptr<Batch> batch;
  bool wake;
  {
    MutexLock lock(mutex_);
    change(queue_, now, ended);
    if (running_ < options_.workers && !in_sink) {
      batch = queue_.TakeShort(now, ended);
    }
    running_ += batch != nullptr;
    finishing_ += std::ssize(ended);
    wake = NeedsWaking();
  }
  Wake(wake);
  Tell(ended);
  if (batch != nullptr) Run(std::move(batch), /*comes_back=*/false);
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
  while (auto batch = TakeBatch()) Run(std::move(batch), /*comes_back=*/true);
}

void Scheduler::Run(std::unique_ptr<Batch> batch, bool comes_back) {
  const SinkCalls calls;
  batch->RunQuantum(clock_, &cores_, observer_);
  const absl::Time now = clock_.Now();
  RunQueue::Ended ended;
  bool wake;
  {
    MutexLock lock(mutex_);
    --running_;
    queue_.Complete(std::move(batch), now, ended);
    finishing_ += std::ssize(ended);
    // This thread is about to be busy telling; another may go on meanwhile.
    wake = (!comes_back || !ended.empty()) && NeedsWaking();
  }
  Wake(wake);
  Tell(ended);
}

std::unique_ptr<Batch> Scheduler::TakeBatch() {
  while (true) {
    RunQueue::Ended ended;
    std::unique_ptr<Batch> batch;
    bool wake;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !queue_.has_ready() &&
             queue_.next_due() > clock_.Now()) {
        Sleep();
      }
      if (stopping_) return nullptr;
      batch = queue_.Take(clock_.Now(), ended);
      running_ += batch != nullptr;
      finishing_ += std::ssize(ended);
      wake = NeedsWaking();  // what is left is for the next worker
    }
    Wake(wake);
    Tell(ended);
    if (batch != nullptr) return batch;
  }
}

bool Scheduler::NeedsWaking() {
  const bool needed = sleeping_ > 0 && !waking_ &&
                      (queue_.has_ready() || queue_.next_due() < next_look_);
  waking_ |= needed;
  return needed;
}

void Scheduler::Sleep() {
  const absl::Time due = queue_.next_due();
  next_look_ = std::min(next_look_, due);
  ++sleeping_;
  if (due == absl::InfiniteFuture()) {
    work_.Wait(mutex_);
  } else {
    work_.WaitFor(mutex_, absl::ToChronoMicroseconds(due - clock_.Now()) +
                              std::chrono::microseconds(1));
  }
  --sleeping_;
  waking_ = false;
  next_look_ = absl::InfiniteFuture();  // the others' are not known
}

void Scheduler::Tell(const RunQueue::Ended& ended) {
  if (ended.empty()) return;
  const SinkCalls calls;
  for (const auto& [sequence, status] : ended) {
    sequence->TellEnd(status, observer_);
  }
  MutexLock lock(mutex_);
  finishing_ -= std::ssize(ended);
  idle_.NotifyAll();  // under the lock: who waits may destroy the scheduler
}

}  // namespace unroll
