#include "server/call.h"

#include <spdlog/spdlog.h>

#include <random>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/reason.h"

namespace unroll::server {
namespace {
constexpr size_t kMaxRequestId = 128;
constexpr size_t kMaxMessage = 2000;  // bytes in the log
}  // namespace

bool CallEnvironment::Ready() const {
  const size_t ready = models.ReadyNames().size();
  return any_model_is_enough ? ready > 0 : ready == models.Names().size();
}

absl::Time Deadline(const grpc::CallbackServerContext& context,
                    const Clock& clock) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return absl::InfiniteFuture();
  }
  return clock.Now() + (absl::FromChrono(deadline) - absl::Now());
}

absl::Status CancelStatus(absl::Time deadline, const Clock& clock) {
  return clock.Now() < deadline
             ? absl::CancelledError("the caller cancelled")
             : absl::DeadlineExceededError("the deadline passed");
}

absl::StatusOr<int> Priority(int32_t given) {
  if (given < kLowestPriority || given > kHighestPriority) {
    return absl::InvalidArgumentError(
        absl::StrFormat("priority: %d, expected %d to %d", given,
                        kLowestPriority, kHighestPriority));
  }
  return given;
}

absl::Status CheckWait(const CallEnvironment& environment,
                       absl::Time deadline) {
  ASSIGN_OR_RETURN(const absl::Duration wait,
                   environment.scheduler.PredictedWait());
  return environment.admission.CheckWait(wait,
                                         deadline - environment.clock.Now());
}

absl::StatusOr<std::string> RequestId(const std::string& given) {
  if (given.size() > kMaxRequestId) {
    return absl::InvalidArgumentError(
        absl::StrFormat("request_id: %d bytes, expected at most %d",
                        given.size(), kMaxRequestId));
  }
  if (!given.empty()) return given;
  thread_local std::mt19937_64 generator(std::random_device{}());
  return absl::StrFormat("%016x", generator());
}

void CallRecord::End(const absl::Status& status,
                     absl::FunctionRef<std::string()> detail) const {
  const absl::Duration duration = environment_.clock.Now() - begin_;
  environment_.metrics.OnRequest(model_, method_, status.code(), duration);
  if (const auto reason = ReasonOf(status)) {
    environment_.metrics.OnRefusal(*reason);
  }
  if (!status.ok() && spdlog::should_log(spdlog::level::debug)) {
    spdlog::debug("{} model {}: {} {}", method_, Quoted(model_),
                  Printable(status.ToString(), kMaxMessage), detail());
  }
  if (environment_.slow_call_threshold > absl::ZeroDuration() &&
      duration >= environment_.slow_call_threshold) {
    spdlog::warn("slow call: {} model {} took {}: {} {}", method_,
                 Quoted(model_), absl::FormatDuration(duration),
                 absl::StatusCodeToString(status.code()), detail());
  }
}

absl::Status ReplyTooLarge(std::string_view bytes, int64_t max_message_bytes,
                           std::string_view of) {
  return absl::ResourceExhaustedError(absl::StrFormat(
      "the reply would be %s bytes, expected at most %d "
      "(--max-message-bytes); ask for fewer %s, steps or sequences",
      bytes, max_message_bytes, of));
}

grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext& context,
                                    const CallRecord& record,
                                    const absl::Status& status) {
  record.End(status, [] { return std::string(); });
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace unroll::server
