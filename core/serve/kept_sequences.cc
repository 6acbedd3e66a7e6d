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

absl::Status Busy(const KeptSequences::Id& id) {
  return absl::AbortedError(absl::StrFormat(
      "%s: another request of it is running; wait for its answer, or send both "
      "on one stream",
      Named(id)));
}

}  // namespace

KeptSequences::Hold::~Hold() {
  if (owner_ != nullptr) owner_->LetGo(at_);
}

absl::StatusOr<KeptSequences::Hold> KeptSequences::Begin(
    const Id& id, const ServedModel& model) {
  const int64_t bytes = StateBytes(model);
  ASSIGN_OR_RETURN(Admission::Ticket ticket, admission_.Admit(bytes));
  std::vector<Admission::Ticket> freed;
  MutexLock lock(mutex_);
  Expire(freed);
  auto at = entries_.find(id);
  const bool kept = at != entries_.end() && at->second.phase != Phase::kExpired;
  if (kept && at->second.phase == Phase::kHeld) return Busy(id);
  const int64_t before = kept ? at->second.bytes : 0;
  RETURN_IF_ERROR(
      CheckRoom(sequences() + (kept ? 0 : 1), bytes_ - before + bytes));
  if (at == entries_.end()) {
    at = entries_.try_emplace(id).first;
  } else {
    (kept ? idle_ : expired_).erase(at->second.place);
  }
  Entry& entry = at->second;
  entry.phase = Phase::kHeld;
  bytes_ += bytes - before;
  entry.bytes = bytes;
  std::swap(entry.ticket, ticket);
  return Hold(this, at);
}

absl::StatusOr<KeptSequences::Hold> KeptSequences::GoOn(const Id& id) {
  std::vector<Admission::Ticket> freed;
  MutexLock lock(mutex_);
  Expire(freed);
  const auto at = entries_.find(id);
  if (at == entries_.end()) {
    return Invalid(
        "%s: there is none, expected sequence_start with the first request of "
        "a sequence (it never began, or has ended, or the server was started "
        "since)",
        Named(id));
  }
  Entry& entry = at->second;
  if (entry.phase == Phase::kExpired) {
    return WithReason(
        Invalid("%s: it was forgotten after %s without a request "
                "(--idle-timeout), expected sequence_start",
                Named(id), absl::FormatDuration(options_.idle_timeout)),
        Reason::kExpired);
  }
  if (entry.phase == Phase::kHeld) return Busy(id);
  idle_.erase(entry.place);
  entry.phase = Phase::kHeld;
  return Hold(this, at);
}

absl::Status KeptSequences::CheckRoom(int64_t sequences, int64_t bytes) const {
  if (sequences <= options_.max_sequences && bytes <= options_.max_bytes) {
    return absl::OkStatus();
  }
  return WithReason(
      absl::ResourceExhaustedError(
          sequences > options_.max_sequences
              ? absl::StrFormat("%d sequences are kept, as many as may be "
                                "(--max-kept-sequences); end some",
                                options_.max_sequences)
              : absl::StrFormat("the states of kept sequences would take %d "
                                "bytes, expected at most %d "
                                "(--max-kept-sequence-bytes); end some",
                                bytes, options_.max_bytes)),
      Reason::kOutOfMemory);
}

KeptSequences::Load KeptSequences::load() {
  std::vector<Admission::Ticket> freed;
  MutexLock lock(mutex_);
  Expire(freed);
  return {.sequences = sequences(), .bytes = bytes_};
}

void KeptSequences::Expire(std::vector<Admission::Ticket>& freed) {
  const absl::Time now = clock_.Now();
  while (!idle_.empty()) {
    Entry& entry = entries_.at(*idle_.front());
    if (entry.used + options_.idle_timeout > now) break;
    entry.phase = Phase::kExpired;
    entry.kept = {};
    bytes_ -= std::exchange(entry.bytes, 0);
    freed.push_back(std::move(entry.ticket));
    expired_.splice(expired_.end(), idle_, idle_.begin());
  }
  for (; std::ssize(expired_) > kRemembered; expired_.pop_front()) {
    entries_.erase(entries_.find(*expired_.front()));
  }
}

void KeptSequences::LetGo(Entries::iterator at) {
  Admission::Ticket freed;
  MutexLock lock(mutex_);
  Entry& entry = at->second;
  if (entry.kept.model == nullptr) {
    bytes_ -= entry.bytes;
    freed = std::move(entry.ticket);
    entries_.erase(at);
    return;
  }
  entry.phase = Phase::kKept;
  entry.used = clock_.Now();
  entry.place = idle_.insert(idle_.end(), &at->first);
}

}  // namespace unroll
