#ifndef UNROLL_CLIENT_CHANNEL_H_
#define UNROLL_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace unroll::client {

struct ChannelOptions {
  // A connection on which calls are under way is probed so often and breaks
  // when there is no answer. Default: never.
  absl::Duration keepalive = absl::InfiniteDuration();
  // Otherwise gRPC gives channels to one address one connection.
  bool own_connection = false;
};

// A connection as Client describes it.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ChannelOptions& options = {});

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_CHANNEL_H_
