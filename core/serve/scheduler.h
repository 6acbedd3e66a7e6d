#ifndef UNROLL_CORE_SERVE_SCHEDULER_H_
#define UNROLL_CORE_SERVE_SCHEDULER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/serve/backlog.h"
#include "core/serve/observer.h"
#include "core/serve/policy.h"
#include "core/serve/sequence.h"

namespace unroll {

// Runs sequences in batches on its own worker threads. Each time a worker is
// free, the policy picks from what is ready; a batch is never waited for.
// Thread-safe. No method blocks but Drain and the destructor.
class Scheduler {
 public:
  struct Options {
    int64_t workers = 1;
    PolicyOptions policy;
  };

  // `clock` and `observer` must outlive it.
  Scheduler(const Options& options, const Clock& clock, Observer& observer);
  ~Scheduler();  // drains without patience
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  using SequencePtr = std::shared_ptr<Sequence>;

  // Admits all or none. After OK each one's sink gets OnDone exactly once,
  // maybe before this returns. UNAVAILABLE: draining; no sink is called.
  absl::Status Submit(std::span<const SequencePtr> sequences);

  // Ends a sequence with `status`: at once if it is not running, otherwise
  // after its batch. Nothing happens to one that has ended.
  void Cancel(const SequencePtr& sequence, const absl::Status& status);

  // Lets a sequence run again whose sink returned false from OnSteps.
  void Resume(const SequencePtr& sequence);

  // How long a sequence that came now would wait, judging by the work ahead
  // (see Backlog). Paused sequences do not count. UNAVAILABLE: draining.
  absl::StatusOr<absl::Duration> PredictedWait() const;

  struct Load {
    int64_t waiting = 0;  // ready or paused
    int64_t running = 0;
  };
  Load load() const;

  // Refuses new sequences, and returns once all have ended (true) or, after
  // `patience`, once it has ended the rest with UNAVAILABLE (false). May be
  // called again.
  bool Drain(absl::Duration patience);

 private:
  struct Batch {
    std::shared_ptr<const ServedModel> model;
    std::vector<SequencePtr> sequences;
    std::vector<int64_t> steps;  // of each sequence
    std::vector<SequencePtr> expired;
  };
  struct Worker;  // buffers of a thread, in scheduler_worker.h
  // The ready sequences of a model, by arrival. Models take turns: the lowest
  // is next, and who has had a batch goes to the end.
  struct ReadyModel {
    uint64_t turn = 0;
    std::map<uint64_t, SequencePtr> sequences;  // never empty
  };

  void RunWorker();
  // Waits for work. False: stop.
  bool TakeBatch(Batch& batch);
  void RunBatch(const Batch& batch, Worker& worker);
  // Hands results to the sinks of those that ran well; says which take more.
  std::vector<bool> Deliver(const Batch& batch,
                            std::span<const absl::Status> statuses,
                            Worker& worker);
  // Puts back what goes on, all at once so that it stays together; ends the
  // rest.
  void Continue(const Batch& batch, std::span<const absl::Status> statuses,
                const std::vector<bool>& accepts_more);
  void Enqueue(const SequencePtr& sequence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkEnded(Sequence& sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Calls the sink. REQUIRES: MarkEnded was called, mutex_ is not held.
  void Finish(Sequence& sequence, const absl::Status& status);
  // Whose turn it is. REQUIRES: something is ready.
  const ServedModel* NextModel() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const Options options_;
  const Clock& clock_;
  Observer& observer_;
  Cores cores_;

  mutable Mutex mutex_;
  CondVar work_;  // something is ready, or stopping_
  CondVar idle_;  // a sequence has ended
  std::map<const ServedModel*, ReadyModel> ready_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_turn_ ABSL_GUARDED_BY(mutex_) = 0;
  // Every sequence that has not ended, by arrival.
  std::map<uint64_t, SequencePtr> live_ ABSL_GUARDED_BY(mutex_);
  int64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_arrival_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of all live sequences but the paused ones.
  Backlog backlog_ ABSL_GUARDED_BY(mutex_);
  // Sequences whose OnDone has not returned yet, besides the live ones.
  int64_t finishing_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::vector<std::thread> workers_;  // constant after construction
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_SCHEDULER_H_
