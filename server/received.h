#ifndef UNROLL_SERVER_RECEIVED_H_
#define UNROLL_SERVER_RECEIVED_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace unroll::server {

// A message as it came. By itself gRPC answers one that cannot be parsed with a
// bare UNIMPLEMENTED, or in a client's stream takes it for the half-close, so
// that cut short a stream would seem to end well.
template <typename Message>
struct Received {
  // INVALID_ARGUMENT: the message could not be parsed.
  absl::Status Check() const {
    if (readable) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("a message that is no ", Message::descriptor()->name(),
                     ": it is cut short, or has text that is not UTF-8"));
  }

  Message message;
  bool readable = false;
};

}  // namespace unroll::server

template <typename Message>
class grpc::SerializationTraits<unroll::server::Received<Message>> {
 public:
  static Status Deserialize(ByteBuffer* bytes,
                            unroll::server::Received<Message>* received) {
    received->readable =
        SerializationTraits<Message>::Deserialize(bytes, &received->message)
            .ok();
    return Status::OK;
  }
};

#endif  // UNROLL_SERVER_RECEIVED_H_
