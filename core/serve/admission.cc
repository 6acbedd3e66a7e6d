#include "core/serve/admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/serve/reason.h"

namespace unroll {

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(admission_, other.admission_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Admission::Ticket::~Ticket() {
  if (admission_ == nullptr) return;
  MutexLock lock(admission_->mutex_);
  admission_->used_ -= bytes_;
}

absl::Status Admission::Ticket::Extend(int64_t bytes) {
  RETURN_IF_ERROR(admission_->Take(bytes));
  bytes_ += bytes;
  return absl::OkStatus();
}

absl::Status Admission::CheckWait(absl::Duration predicted_wait,
                                  absl::Duration time_left) const {
  const absl::Duration most = std::min(options_.max_queue_time, time_left);
  if (predicted_wait <= most) return absl::OkStatus();
  const bool own = time_left < options_.max_queue_time;
  return QueueTooLong(
      absl::StrFormat("predicted wait %s, %s %s",
                      absl::FormatDuration(predicted_wait),
                      own ? "the call's deadline or timeout is in"
                          : "limit (--max-queue-time)",
                      absl::FormatDuration(most)),
      std::max(predicted_wait - options_.max_queue_time, kLeastRetryDelay));
}

absl::StatusOr<Admission::Ticket> Admission::Admit(int64_t bytes) {
  RETURN_IF_ERROR(Take(bytes));
  return Ticket(this, bytes);
}

absl::Status Admission::Take(int64_t bytes) {
  MutexLock lock(mutex_);
  if (bytes > options_.memory_limit - used_) {
    const absl::Status refused = WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "out of memory: %d bytes needed, %d of %d left "
            "(--memory-limit)",
            bytes, options_.memory_limit - used_, options_.memory_limit)),
        Reason::kOutOfMemory);
    return bytes > options_.memory_limit
               ? refused
               : WithRetryDelay(refused, kLeastRetryDelay);
  }
  used_ += bytes;
  return absl::OkStatus();
}

int64_t Admission::memory_used() const {
  MutexLock lock(mutex_);
  return used_;
}

}  // namespace unroll
