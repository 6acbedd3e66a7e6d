#ifndef UNROLL_CLIENT_CHANNEL_H_
#define UNROLL_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace unroll::client {

// A connection as Client describes it. With `keepalive`, one on which calls are
// under way is probed that often and breaks when there is no answer.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address,
    absl::Duration keepalive = absl::InfiniteDuration());

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_CHANNEL_H_
