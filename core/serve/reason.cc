#include "core/serve/reason.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace unroll {
namespace {

constexpr char kReasonPayload[] = "unroll/reason";
constexpr char kRetryPayload[] = "unroll/retry_nanoseconds";

}  // namespace

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kQueueTooLong:
      return "QUEUE_TOO_LONG";
    case Reason::kOutOfMemory:
      return "OUT_OF_MEMORY";
    case Reason::kDraining:
      return "DRAINING";
    case Reason::kModelGone:
      return "MODEL_GONE";
    case Reason::kExpired:
      return "EXPIRED";
    case Reason::kSlowReader:
      return "SLOW_READER";
    case Reason::kInvalidStep:
      return "INVALID_STEP";
    case Reason::kWindowOverrun:
      return "WINDOW_OVERRUN";
    case Reason::kDiverged:
      return "DIVERGED";
  }
  return "";
}

absl::Status WithReason(absl::Status status, Reason reason) {
  status.SetPayload(kReasonPayload, absl::Cord(std::string(Name(reason))));
  return status;
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetryPayload,
                    absl::Cord(absl::StrCat(absl::ToInt64Nanoseconds(delay))));
  return status;
}

absl::Status QueueTooLong(std::string_view predicted,
                          absl::Duration retry_delay) {
  return WithRetryDelay(
      WithReason(absl::ResourceExhaustedError(absl::StrCat(
                     "the queue is too long: ",
                     absl::string_view(predicted.data(), predicted.size()),
                     "; try again later or elsewhere")),
                 Reason::kQueueTooLong),
      retry_delay);
}

std::optional<Reason> ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonPayload);
  if (!payload) return std::nullopt;
  const auto found = std::find_if(
      std::begin(kReasons), std::end(kReasons),
      [&](Reason reason) { return *payload == std::string(Name(reason)); });
  if (found == std::end(kReasons)) return std::nullopt;
  return *found;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryPayload);
  int64_t nanoseconds = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &nanoseconds)) {
    return std::nullopt;
  }
  return absl::Nanoseconds(nanoseconds);
}

absl::Status WithMessage(const absl::Status& status, std::string_view message) {
  absl::Status result(status.code(),
                      absl::string_view(message.data(), message.size()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, payload);
  });
  return result;
}

}  // namespace unroll
