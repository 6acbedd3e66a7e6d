#ifndef UNROLL_CORE_SERVE_REASON_H_
#define UNROLL_CORE_SERVE_REASON_H_

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace unroll {

// Why a sequence was refused or ended, where the status code does not say
// enough. Callers get it as ErrorInfo's reason.
enum class Reason {
  kQueueTooLong,   // refused: it would wait too long
  kOutOfMemory,    // refused: no memory is left for it
  kDraining,       // the server is about to stop
  kModelGone,      // the model was unloaded
  kExpired,        // no step came for --idle-timeout
  kSlowReader,     // no result was read for --slow-reader-timeout
  kInvalidStep,    // a step that does not suit the model
  kWindowOverrun,  // more steps ahead of results than the window
  kDiverged,       // a hidden value left float32's range
};

inline constexpr Reason kReasons[] = {
    Reason::kQueueTooLong, Reason::kOutOfMemory,   Reason::kDraining,
    Reason::kModelGone,    Reason::kExpired,       Reason::kSlowReader,
    Reason::kInvalidStep,  Reason::kWindowOverrun, Reason::kDiverged};

std::string_view Name(Reason reason);  // "QUEUE_TOO_LONG"

// A status that carries its reason, and when it is worth trying again.
absl::Status WithReason(absl::Status status, Reason reason);
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);
// Before that it is not worth it while the server is busy.
inline constexpr absl::Duration kLeastRetryDelay = absl::Milliseconds(100);

// RESOURCE_EXHAUSTED: what was predicted passes what is allowed.
absl::Status QueueTooLong(std::string_view predicted,
                          absl::Duration retry_delay = kLeastRetryDelay);

// What a status carries, if anything.
std::optional<Reason> ReasonOf(const absl::Status& status);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// The same code, reason and delay with other words.
absl::Status WithMessage(const absl::Status& status, std::string_view message);

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_REASON_H_
