#include "server/status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "core/serve/reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/duration.h"

namespace unroll::server {
namespace {

constexpr char kDomain[] = "unroll";
constexpr size_t kMaxMessage = 2000;  // bytes; percent-encoded up to 3 times

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // A message that echoes a long input would pass the limit of gRPC's trailers,
  // and the caller would see that instead.
  const std::string message =
      Printable(std::string(status.message()), kMaxMessage);
  const auto code = static_cast<grpc::StatusCode>(status.code());
  google::rpc::Status details;
  if (const auto reason = ReasonOf(status)) {
    google::rpc::ErrorInfo info;
    info.set_reason(std::string(Name(*reason)));
    info.set_domain(kDomain);
    details.add_details()->PackFrom(info);
  }
  if (const auto delay = RetryDelayOf(status)) {
    google::rpc::RetryInfo info;
    SetDuration(*delay, *info.mutable_retry_delay());
    details.add_details()->PackFrom(info);
  }
  if (details.details().empty()) return grpc::Status(code, message);
  details.set_code(code);
  details.set_message(message);
  return grpc::Status(code, message, details.SerializeAsString());
}

std::string ToSentence(const absl::Status& status) {
  const auto reason = ReasonOf(status);
  return absl::StrCat(absl::StatusCodeToString(status.code()),
                      reason ? absl::StrFormat(" (%s)", Name(*reason)) : "",
                      ": ",
                      Printable(std::string(status.message()), kMaxMessage));
}

void SetPushback(const absl::Status& status,
                 grpc::CallbackServerContext& context) {
  const auto delay = RetryDelayOf(status);
  if (!delay) return;
  context.AddTrailingMetadata("grpc-retry-pushback-ms",
                              absl::StrCat(absl::ToInt64Milliseconds(
                                  absl::Ceil(*delay, absl::Milliseconds(1)))));
}

}  // namespace unroll::server
