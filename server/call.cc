#include "server/call.h"

#include <spdlog/spdlog.h>

#include <random>

#include "absl/strings/str_format.h"

namespace unroll::server {
namespace {
constexpr size_t kMaxRequestId = 128;
}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

absl::Time Deadline(const grpc::CallbackServerContext& context) {
  const auto deadline = context.deadline();
  return deadline == std::chrono::system_clock::time_point::max()
             ? absl::InfiniteFuture()
             : absl::FromChrono(deadline);
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
                     std::string_view detail) const {
  const absl::Duration duration = absl::Now() - begin_;
  environment_.metrics.OnRequest(model_, method_, status.code(), duration);
  if (!status.ok()) {
    spdlog::debug("{} model \"{}\": {} {}", method_, model_, status.ToString(),
                  detail);
  }
  if (environment_.slow_call_threshold > absl::ZeroDuration() &&
      duration >= environment_.slow_call_threshold) {
    spdlog::warn("slow call: {} model \"{}\" took {}: {} {}", method_, model_,
                 absl::FormatDuration(duration),
                 absl::StatusCodeToString(status.code()), detail);
  }
}

}  // namespace unroll::server
