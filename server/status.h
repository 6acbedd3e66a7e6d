#ifndef UNROLL_SERVER_STATUS_H_
#define UNROLL_SERVER_STATUS_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"

namespace unroll::server {

// With a google.rpc.Status in its details when `status` carries a Reason
// (ErrorInfo) or a retry delay (RetryInfo).
grpc::Status ToGrpc(const absl::Status& status);

// "CODE: sentence", or "CODE (REASON): sentence", for streams that go on.
std::string ToSentence(const absl::Status& status);

// Tells gRPC's own retries of the retry delay, if there is one
// (grpc-retry-pushback-ms). Before the call is finished.
void SetPushback(const absl::Status& status,
                 grpc::CallbackServerContext& context);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_STATUS_H_
