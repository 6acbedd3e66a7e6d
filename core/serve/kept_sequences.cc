#include "core/serve/kept_sequences.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/reason.h"

namespace unroll {
namespace {

// Expired sequences that are remembered as such.
constexpr int64_t kRemembered = 1024;

constexpr int64_t kOverhead = 512;  // bytes of an entry but for its state

int64_t StateBytes(const ServedModel& model) {
  int64_t bytes = kOverhead;
  for (const StateTensorSpec& spec : StateSpec(model.info)) {
    bytes += *CheckedElements(spec.shape) * int64_t{sizeof(float)};
  }
  return bytes;
}

std::string Named(const KeptSequences::Id& id) {
  return absl::StrFormat("sequence %s of model %s", Printable(id.id),
                         Quoted(id.model));
}

}  // namespace

absl::StatusOr<bool> KeptSequences::Queue(const Id& id, const TurnPtr& turn) {
  std::vector<Admission::Ticket> freed;
  MutexLock lock(mutex_);
  Expire(freed);
  const auto [at, added] = entries_.try_emplace(id);
  Entry& entry = at->second;
  if (std::ssize(entry.queue) == kMaxQueue) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "%s: %d requests of it have not been answered, as many as may be; "
            "wait for answers",
            Named(id), kMaxQueue)),
        Reason::kQueueTooLong);
  }
  if (entry.queue.empty() && !added) {
    (entry.expired ? expired_ : idle_).erase(entry.place);
  }
  turn->at_ = at;
  turn->waits_ = !entry.queue.empty();
  entry.queue.push_back(turn);
  return !turn->waits_;
}

bool KeptSequences::Withdraw(Turn& turn) {
  MutexLock lock(mutex_);
  if (!turn.waits_) return false;
  turn.waits_ = false;
  turn.at_->second.queue.remove_if(
      [&](const TurnPtr& queued) { return queued.get() == &turn; });
  return true;
}

absl::Status KeptSequences::Begin(Turn& turn, const ServedModel& model) {
  const int64_t bytes = StateBytes(model);
  ASSIGN_OR_RETURN(Admission::Ticket ticket, admission_.Admit(bytes));
  std::vector<Admission::Ticket> freed;
  MutexLock lock(mutex_);
  Expire(freed);
  Entry& entry = turn.at_->second;
  const Load load = {.sequences = load_.sequences + (entry.bytes == 0 ? 1 : 0),
                     .bytes = load_.bytes - entry.bytes + bytes};
  RETURN_IF_ERROR(CheckRoom(load));
  load_ = load;
  entry.expired = false;
  entry.bytes = bytes;
  std::swap(entry.ticket, ticket);
  return absl::OkStatus();
}

absl::Status KeptSequences::GoOn(const Turn& turn) const {
  const auto& [id, entry] = *turn.at_;
  if (entry.kept.model != nullptr) return absl::OkStatus();
  if (entry.expired) {
    return WithReason(
        Invalid("%s: it was forgotten after %s without a request "
                "(--idle-timeout), expected sequence_start",
                Named(id), absl::FormatDuration(options_.idle_timeout)),
        Reason::kExpired);
  }
  return Invalid(
      "%s: there is none, expected sequence_start with the first request of a "
      "sequence (it never began, or has ended, or the server was started "
      "since)",
      Named(id));
}

absl::Status KeptSequences::CheckRoom(const Load& load) const {
  if (load.sequences <= options_.max_sequences &&
      load.bytes <= options_.max_bytes) {
    return absl::OkStatus();
  }
  return WithReason(
      absl::ResourceExhaustedError(
          load.sequences > options_.max_sequences
              ? absl::StrFormat("%d sequences are kept, as many as may be "
                                "(--max-kept-sequences); end some",
                                options_.max_sequences)
              : absl::StrFormat("the states of kept sequences would take %d "
                                "bytes, expected at most %d "
                                "(--max-kept-sequence-bytes); end some",
                                load.bytes, options_.max_bytes)),
      Reason::kOutOfMemory);
}

KeptSequences::Load KeptSequences::load() {
  std::vector<Admission::Ticket> freed;
  MutexLock lock(mutex_);
  Expire(freed);
  return load_;
}

void KeptSequences::Expire(std::vector<Admission::Ticket>& freed) {
  const absl::Time now = clock_.Now();
  while (!idle_.empty()) {
    Entry& entry = entries_.at(*idle_.front());
    if (entry.used + options_.idle_timeout > now) break;
    entry.expired = true;
    entry.kept = {};
    freed.push_back(Free(entry));
    expired_.splice(expired_.end(), idle_, idle_.begin());
  }
  for (; std::ssize(expired_) > kRemembered; expired_.pop_front()) {
    entries_.erase(entries_.find(*expired_.front()));
  }
}

Admission::Ticket KeptSequences::Free(Entry& entry) {
  --load_.sequences;
  load_.bytes -= std::exchange(entry.bytes, 0);
  return std::move(entry.ticket);
}

void KeptSequences::Settle(const Turn& turn) {
  Admission::Ticket freed;
  MutexLock lock(mutex_);
  Entry& entry = turn.at_->second;
  if (entry.kept.model == nullptr && entry.bytes > 0) freed = Free(entry);
}

void KeptSequences::PassOn(TurnPtr turn) {
  // Not each from within the one before: there may be any number of them.
  do {
    turn = Next(*turn);
  } while (turn != nullptr && turn->on_turn_());
}

KeptSequences::TurnPtr KeptSequences::Next(const Turn& turn) {
  MutexLock lock(mutex_);
  const auto at = turn.at_;
  Entry& entry = at->second;
  entry.queue.pop_front();
  if (!entry.queue.empty()) {
    entry.queue.front()->waits_ = false;
    return entry.queue.front();
  }
  if (entry.kept.model != nullptr) {
    entry.used = clock_.Now();
    entry.place = idle_.insert(idle_.end(), &at->first);
  } else if (entry.expired) {
    entry.place = expired_.insert(expired_.end(), &at->first);
  } else {
    entries_.erase(at);
  }
  return nullptr;
}

}  // namespace unroll
