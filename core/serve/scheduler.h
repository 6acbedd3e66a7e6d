#ifndef UNROLL_CORE_SERVE_SCHEDULER_H_
#define UNROLL_CORE_SERVE_SCHEDULER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/serve/observer.h"
#include "core/serve/run_queue.h"
#include "core/serve/sequence.h"

namespace unroll {

// Runs sequences in batches on its own worker threads: a lock and threads
// around a RunQueue. Each time a worker is free, it takes what the queue says;
// a batch is never waited for. What is so short that waking a worker would cost
// as much (PolicyOptions::handover) runs on the thread that brings it, while a
// worker is idle. Thread-safe. No method blocks but Drain and the destructor,
// and each may call sinks: of what it ran, and of what it ended.
class Scheduler {
 public:
  using Options = RunQueue::Options;
  using SequencePtr = RunQueue::SequencePtr;

  // `clock` and `observer` must outlive it.
  Scheduler(const Options& options, const Clock& clock, Observer& observer);
  ~Scheduler();  // drains without patience
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Admits all or none. After OK each one's sink gets OnDone exactly once,
  // maybe before this returns. Otherwise no sink is called:
  //   UNAVAILABLE       draining
  //   INVALID_ARGUMENT  a live sequence of a model that runs whole
  //   RESOURCE_EXHAUSTED  (QUEUE_TOO_LONG) batches are full, and one would not
  //                     be through by its deadline
  absl::Status Submit(std::span<const SequencePtr> sequences);

  // Gives a live sequence its next steps, which suit the model.
  // RESOURCE_EXHAUSTED: they pass its window; nothing was taken.
  absl::Status Append(const SequencePtr& sequence, const Steps& steps);
  // It gets no more steps: once all have run it ends with `status`.
  void Close(const SequencePtr& sequence, const absl::Status& status);
  // Its sink gets its state (StepResults::state) after the steps so far.
  void AskForState(const SequencePtr& sequence);

  // Ends a sequence with `status`: at once if it is not running, otherwise
  // after its quantum. Nothing happens to one that has ended.
  void Cancel(const SequencePtr& sequence, const absl::Status& status);

  // Lets a sequence run again whose sink returned false from OnSteps.
  void Resume(const SequencePtr& sequence);

  // For a model that is unloaded: its live sequences run what they have
  // accepted and end with `status`. Others run on.
  void CloseLive(const ServedModel& model, const absl::Status& status);

  // How long a sequence that came now would wait, judging by the work ahead
  // (see Backlog). Paused sequences do not count. UNAVAILABLE: draining.
  absl::StatusOr<absl::Duration> PredictedWait() const;

  RunQueue::Load load() const;

  // Refuses new sequences from now on: UNAVAILABLE (DRAINING).
  void Refuse();

  // Refuses new sequences, lets live ones run what they have accepted and ends
  // them with UNAVAILABLE (DRAINING), and returns once all have ended (true)
  // or, after `patience`, once it has ended the rest with UNAVAILABLE (false).
  // May be called again.
  bool Drain(absl::Duration patience);

 private:
  void RunWorker();
  // Waits for work, telling of ends meanwhile. Null: stop.
  std::unique_ptr<Batch> TakeBatch();
  // Runs a batch and tells of ends. `comes_back`: this thread looks for what is
  // ready next.
  void Run(std::unique_ptr<Batch> batch, bool comes_back);
  // Whether a worker has to be woken, by Wake once the lock is free. Not if one
  // is on its way, which will see all there is.
  bool NeedsWaking() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake(bool needed) {
    if (needed) work_.NotifyOne();
  }
  // Waits to be woken, or until something is due.
  void Sleep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // change(queue, now, ended) under the lock; then runs what is ready or wakes
  // a worker for it, and tells the sinks of those that ended.
  template <typename F>
  void Change(const F& change);
  // Calls sinks. REQUIRES: finishing_ was raised by their number with `ended`
  // filled, and mutex_ is not held.
  void Tell(const RunQueue::Ended& ended);

  // Constant after construction.
  const Options options_;
  const Clock& clock_;
  Observer& observer_;
  Cores cores_;

  mutable Mutex mutex_;
  CondVar work_;  // something is ready, or stopping_
  CondVar idle_;  // a sequence has ended
  RunQueue queue_ ABSL_GUARDED_BY(mutex_);
  // Sequences that have ended whose OnDone has not returned yet.
  int64_t finishing_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t running_ ABSL_GUARDED_BY(mutex_) = 0;   // batches
  int64_t sleeping_ ABSL_GUARDED_BY(mutex_) = 0;  // workers
  // One of those is being woken and has not looked yet.
  bool waking_ ABSL_GUARDED_BY(mutex_) = false;
  // By then one of those looks in any case.
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();

  std::vector<std::thread> workers_;  // constant after construction
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_SCHEDULER_H_
