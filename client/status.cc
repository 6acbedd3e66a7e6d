#include "client/status.h"

#include "absl/strings/str_cat.h"

namespace unroll::client {

absl::Status FromGrpc(const grpc::Status& status, const std::string& address,
                      absl::Duration timeout) {
  if (status.ok()) return absl::OkStatus();
  std::string message = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      message = absl::StrCat(address, ": ", message);
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      message = absl::StrCat(address, ": ", message, " (the call's limit was ",
                             absl::FormatDuration(timeout), ")");
      break;
    default:
      break;
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      message);
}

}  // namespace unroll::client
