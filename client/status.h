#ifndef UNROLL_CLIENT_STATUS_H_
#define UNROLL_CLIENT_STATUS_H_

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace unroll::client {

// The same code and message. UNAVAILABLE and DEADLINE_EXCEEDED, which are often
// gRPC's own and then say little, also get the server's address and the call's
// time limit.
absl::Status FromGrpc(const grpc::Status& status, const std::string& address,
                      absl::Duration timeout);

// The reason of the status' google.rpc.ErrorInfo; "" without one.
std::string ReasonOf(const grpc::Status& status);

// How long the server asks to wait before trying again (RetryInfo), if it does.
std::optional<absl::Duration> RetryDelayOf(const grpc::Status& status);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_STATUS_H_
