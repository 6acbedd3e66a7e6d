#ifndef UNROLL_CORE_SERVE_KEPT_SEQUENCES_H_
#define UNROLL_CORE_SERVE_KEPT_SEQUENCES_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/model/tensor.h"
#include "core/serve/admission.h"
#include "core/serve/served_model.h"

namespace unroll {

// Sequences whose state is kept from one request to the next, under an id that
// their callers chose. Requests of one sequence have their turns in the order
// in which they came. A sequence that gets no request for the idle timeout is
// forgotten: that is seen to whenever something is asked, without a thread.
// Thread-safe.
class KeptSequences {
 public:
  struct Options {
    int64_t max_sequences = 0;
    int64_t max_bytes = 0;  // of states
    absl::Duration idle_timeout;
  };
  struct Id {
    std::string model;  // by name
    std::string id;
    auto operator<=>(const Id&) const = default;
  };
  // What is kept of a sequence. It stays with the version of its model that it
  // began on.
  struct Kept {
    std::shared_ptr<const ServedModel> model;  // shared with its requests
    std::vector<Tensor> state;                 // in StateSpec's order
    int64_t steps = 0;                         // done
  };
  struct Load {
    int64_t sequences = 0;
    int64_t bytes = 0;
  };

  class Turn;
  // Shared by a request, until it has ended, and its sequence's queue.
  using TurnPtr = std::shared_ptr<Turn>;

 private:
  // While requests are queued the first one's, but for the queue itself.
  struct Entry {
    Kept kept;  // its model is null: nothing is kept yet, or any more
    bool expired = false;
    std::list<TurnPtr> queue;  // the first has its turn
    absl::Time used;
    std::list<const Id*>::iterator place;  // no queue: in idle_ or expired_
    int64_t bytes = 0;                     // 0: nothing has been paid
    Admission::Ticket ticket;
  };
  using Entries = std::map<Id, Entry>;

 public:
  // Requests of one sequence that are queued at most, the running one included.
  static constexpr int64_t kMaxQueue = 64;

  // A request's turn at a sequence, on which no other runs meanwhile.
  class Turn {
   public:
    // `on_turn` is called when the turn comes, unless Queue said that it has.
    // It returns whether its request has ended already.
    explicit Turn(std::function<bool()> on_turn)
        : on_turn_(std::move(on_turn)) {}

    // The rest is for when the turn has come.
    // What there is to go on from.
    const Kept& kept() const { return at_->second.kept; }
    // Its request has run; the next goes on from here.
    void Keep(Kept kept) { at_->second.kept = std::move(kept); }
    // Its request was the last.
    void Forget() { at_->second.kept = {}; }

   private:
    friend class KeptSequences;
    const std::function<bool()> on_turn_;
    Entries::iterator at_;  // constant once queued
    bool waits_ = false;    // guarded by mutex_
  };

  // `clock` and `admission`, which pays for the states, must outlive it.
  KeptSequences(const Options& options, const Clock& clock,
                Admission& admission)
      : options_(options), clock_(clock), admission_(admission) {}

  // Queues a request behind all others of that sequence. True: its turn has
  // come. RESOURCE_EXHAUSTED (QUEUE_TOO_LONG): there are kMaxQueue already.
  absl::StatusOr<bool> Queue(const Id& id, const TurnPtr& turn);
  // Takes one that waits out of the queue again. False: its turn has come.
  bool Withdraw(Turn& turn);

  // In the turn of a request that begins a sequence of `model`, anew if there
  // is one of that id. RESOURCE_EXHAUSTED (OUT_OF_MEMORY): so many sequences or
  // bytes are kept already.
  absl::Status Begin(Turn& turn, const ServedModel& model);
  // Of one that goes on. INVALID_ARGUMENT: there is no such sequence, or, with
  // the reason EXPIRED, no more.
  absl::Status GoOn(const Turn& turn) const;

  // At the end of a turn, which may have come to nothing: then the sequence is
  // what it was before. First what has changed is seen to, so that load() tells
  // of it; then, once the request has been answered, the next has its turn.
  void Settle(const Turn& turn);
  void PassOn(TurnPtr turn);

  Load load();

 private:
  // Forgets those that have been idle for too long. What they paid with goes
  // into `freed`, to be given back without the lock.
  void Expire(std::vector<Admission::Ticket>& freed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckRoom(const Load& load) const;
  // Nothing is kept any more; what it had paid with.
  Admission::Ticket Free(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends a turn; whose is the next, or null.
  TurnPtr Next(const Turn& turn);

  const Options options_;
  const Clock& clock_;
  Admission& admission_;

  Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  // Those without requests, the longest idle first.
  std::list<const Id*> idle_ ABSL_GUARDED_BY(mutex_);
  // The last that expired, oldest first, so that their callers can be told.
  std::list<const Id*> expired_ ABSL_GUARDED_BY(mutex_);
  Load load_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_KEPT_SEQUENCES_H_
