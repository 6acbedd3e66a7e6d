#ifndef UNROLL_SERVER_RECEIVED_H_
#define UNROLL_SERVER_RECEIVED_H_

#include <grpcpp/grpcpp.h>

namespace unroll::server {

// A message of a stream as it came. By itself gRPC takes one that cannot be
// parsed for the half-close, so that cut short a stream would seem to end well.
template <typename Message>
struct Received {
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
