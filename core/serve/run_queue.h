#ifndef UNROLL_CORE_SERVE_RUN_QUEUE_H_
#define UNROLL_CORE_SERVE_RUN_QUEUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/serve/backlog.h"
#include "core/serve/batch.h"
#include "core/serve/policy.h"
#include "core/serve/sequence.h"

namespace unroll {

// Every admitted sequence from its admission to its end, and what runs next:
// the scheduler without its threads. Time comes from outside. Not thread-safe;
// never calls a sink.
//
// Of a model the policy's claims say what goes next. Models share the workers
// by time: next is the one that has used least, and who comes back after a
// pause starts level with those that went on.
class RunQueue {
 public:
  using SequencePtr = std::shared_ptr<Sequence>;

  struct Options {
    int64_t workers = 1;
    PolicyOptions policy;
    // How long a live sequence waits for its client's next step, and any for
    // its reader.
    absl::Duration idle_timeout = absl::Minutes(10);
    absl::Duration slow_reader_timeout = absl::Seconds(10);
    // A live sequence that gets so old is closed with UNAVAILABLE (DRAINING).
    absl::Duration max_live_age = absl::InfiniteDuration();
  };

  // Sequences that ended in a call, whose sinks are to be told.
  using Ended = std::vector<std::pair<SequencePtr, absl::Status>>;

  explicit RunQueue(const Options& options) : options_(options) {}

  // Admits all or none. UNAVAILABLE (DRAINING); INVALID_ARGUMENT: a live
  // sequence of a model that runs whole; RESOURCE_EXHAUSTED (QUEUE_TOO_LONG):
  // batches are full, and one would not be through by its deadline.
  absl::Status Submit(std::span<const SequencePtr> sequences, absl::Time now);

  // Of a live sequence: more steps; no more steps, so that it ends with
  // `status` once those so far have run; its state after the steps so far, told
  // to its sink once they have run. What comes after the end, or after a Close,
  // is dropped. RESOURCE_EXHAUSTED (WINDOW_OVERRUN): nothing was taken.
  absl::Status Append(const SequencePtr& sequence, const Steps& steps,
                      absl::Time now);
  void Close(const SequencePtr& sequence, const absl::Status& status,
             absl::Time now, Ended& ended);
  void AskForState(const SequencePtr& sequence, absl::Time now);

  // Ends one with `status`: at once, or if it is running after its quantum.
  void Cancel(const SequencePtr& sequence, const absl::Status& status,
              Ended& ended);
  // Its reader has caught up.
  void Resume(const SequencePtr& sequence, absl::Time now, Ended& ended);

  // Live sequences (of `model`, or null: of all) run what they have accepted
  // and end with `status`, as if closed.
  void CloseLive(const ServedModel* model, const absl::Status& status,
                 absl::Time now, Ended& ended);
  // From now on Submit is refused with `status`.
  void Refuse(const absl::Status& status) { refusal_ = status; }
  void CancelAll(const absl::Status& status, Ended& ended);

  // What a free worker runs next; null: nothing. Ends what is past its time.
  std::unique_ptr<Batch> Take(absl::Time now, Ended& ended);
  // The same, if it is all there is and costs no more than the policy's
  // handover. Null otherwise.
  std::unique_ptr<Batch> TakeShort(absl::Time now, Ended& ended);
  // Takes a batch back after a quantum.
  void Complete(std::unique_ptr<Batch> batch, absl::Time now, Ended& ended);

  // Whether Take would find something (maybe only what is past its time).
  bool has_ready() const { return ready_ > 0; }
  // When the next one ends that waits for its client or its reader.
  absl::Time next_due() const;
  bool empty() const { return sequences_.empty(); }

  // See Scheduler::PredictedWait.
  absl::StatusOr<absl::Duration> PredictedWait() const;

  struct Load {
    int64_t ready = 0;
    int64_t running = 0;
    int64_t suspended = 0;  // in an unfinished batch between two quanta
    int64_t paused = 0;     // for their reader
    int64_t waiting = 0;    // for their client
    int64_t live = 0;       // live ones, in whatever phase
    int64_t state_bytes = 0;
  };
  const Load& load() const { return load_; }

 private:
  struct Model {
    absl::Duration used;       // compute, its own and what it was away
    absl::Duration charged;    // for the batches that run, by estimate
    uint64_t last_served = 0;  // the order of Take
    int64_t sequences = 0;
    int64_t running = 0;  // batches
    std::map<Claim, SequencePtr> ready;
    std::map<Claim, std::unique_ptr<Batch>> unfinished;

    bool has_ready() const { return !ready.empty() || !unfinished.empty(); }
  };

  absl::Status CheckInTime(const Sequence& sequence, absl::Time now) const;
  absl::Duration Ahead() const;
  // Where one goes that is in no queue: on, or to its end.
  void Place(const SequencePtr& sequence, absl::Time now, Ended& ended);
  void MakeReady(const SequencePtr& sequence, absl::Time now);
  void Wait(Sequence& sequence, Sequence::Phase phase, absl::Time due);
  // Takes it out of the queue that its phase says.
  void Leave(Sequence& sequence);
  void SetPhase(Sequence& sequence, Sequence::Phase phase);
  int64_t& Counter(Sequence::Phase phase);
  void CountInBacklog(Sequence& sequence, bool in);
  void End(const SequencePtr& sequence, const absl::Status& status,
           Ended& ended);
  void Expire(absl::Time now, Ended& ended);
  // Closes a live one that is old enough; whether it did.
  bool Retire(Sequence& sequence, absl::Time now);

  Model* NextModel();
  // Before something of it gets ready.
  void Awake(Model& model);
  std::unique_ptr<Batch> Start(Model& model, absl::Time now, Ended& ended);
  std::unique_ptr<Batch> GoOn(Model& model, absl::Time now, Ended& ended);
  void FillIncremental(std::vector<SequencePtr>& chosen, absl::Time now,
                       Batch& batch);
  void FillWhole(const std::vector<SequencePtr>& chosen, absl::Time now,
                 Batch& batch);
  void Settle(std::unique_ptr<Batch> batch, absl::Time now, Ended& ended);
  void Suspend(std::unique_ptr<Batch> batch, absl::Time now, Ended& ended);
  std::unique_ptr<Batch> NewBatch();
  void Recycle(std::unique_ptr<Batch> batch);

  const Options options_;
  std::map<uint64_t, SequencePtr> sequences_;   // not ended, by arrival
  std::map<const ServedModel*, Model> models_;  // of those
  // When those end that wait for their client or reader; by arrival.
  std::set<std::pair<absl::Time, uint64_t>> due_;
  uint64_t next_arrival_ = 0;
  uint64_t served_ = 0;
  absl::Duration level_;  // the most that a model had used when its turn came
  int64_t ready_ = 0;     // sequences and unfinished batches
  Backlog backlog_;       // of those that are not paused or waiting
  absl::Status refusal_;
  Load load_;
  std::vector<std::unique_ptr<Batch>> spare_;  // at most one a worker
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_RUN_QUEUE_H_
