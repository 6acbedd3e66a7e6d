#ifndef UNROLL_CORE_SERVE_KEPT_SEQUENCES_H_
#define UNROLL_CORE_SERVE_KEPT_SEQUENCES_H_

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
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
// their callers chose. One that gets no request for the idle timeout is
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

 private:
  enum class Phase { kHeld, kKept, kExpired };
  struct Entry {
    Kept kept;  // its model is null: nothing is kept yet, or any more
    Phase phase = Phase::kHeld;
    absl::Time used;
    std::list<const Id*>::iterator place;  // unless held: in idle_ or expired_
    int64_t bytes = 0;
    Admission::Ticket ticket;
  };
  using Entries = std::map<Id, Entry>;

 public:
  // A request's hold on a sequence: meanwhile no other gets it. If it goes
  // without Keep or Forget, the sequence is what it was before that request.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : owner_(other.owner_), at_(other.at_) {
      other.owner_ = nullptr;
    }
    Hold& operator=(Hold&&) = delete;
    ~Hold();

    // What there is to go on from.
    const Kept& kept() const { return at_->second.kept; }
    // Its request has run; the next goes on from here.
    void Keep(Kept kept) { at_->second.kept = std::move(kept); }
    // Its request was the last.
    void Forget() { at_->second.kept = {}; }

   private:
    friend class KeptSequences;
    Hold(KeptSequences* owner, Entries::iterator at) : owner_(owner), at_(at) {}
    KeptSequences* owner_;  // null: moved from
    Entries::iterator at_;  // its entry is this hold's until it goes
  };

  // `clock` and `admission`, which pays for the states, must outlive it.
  KeptSequences(const Options& options, const Clock& clock,
                Admission& admission)
      : options_(options), clock_(clock), admission_(admission) {}

  // For a request that begins a sequence of `model`, anew if there is one of
  // that id. RESOURCE_EXHAUSTED (OUT_OF_MEMORY): so many sequences or bytes are
  // kept already. ABORTED: another request holds it.
  absl::StatusOr<Hold> Begin(const Id& id, const ServedModel& model);
  // For one that goes on. INVALID_ARGUMENT: there is no such sequence, or, with
  // the reason EXPIRED, no more. ABORTED: another request holds it.
  absl::StatusOr<Hold> GoOn(const Id& id);

  Load load();

 private:
  // Forgets those that have been idle for too long. What they paid with goes
  // into `freed`, to be given back without the lock.
  void Expire(std::vector<Admission::Ticket>& freed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckRoom(int64_t sequences, int64_t bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t sequences() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::ssize(entries_) - std::ssize(expired_);
  }
  void LetGo(Entries::iterator at);

  const Options options_;
  const Clock& clock_;
  Admission& admission_;

  Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  // Those that nobody holds, the longest idle first.
  std::list<const Id*> idle_ ABSL_GUARDED_BY(mutex_);
  // The last that expired, oldest first, so that their callers can be told.
  std::list<const Id*> expired_ ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_KEPT_SEQUENCES_H_
