#ifndef UNROLL_SERVER_TIMEOUT_H_
#define UNROLL_SERVER_TIMEOUT_H_

#include <grpcpp/alarm.h>

#include <atomic>
#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace unroll::server {

// Calls `expired` on a thread of gRPC's once `delay` has passed, unless it is
// stopped first. May go as soon as it is stopped or `expired` has begun.
class Timeout {
 public:
  Timeout(absl::Duration delay, std::function<void()> expired);

  // False: too late, `expired` has been called or is about to be.
  bool Stop() { return !over_->exchange(true); }

 private:
  // Whether it has been decided; shared with the alarm, which may outlive this.
  const std::shared_ptr<std::atomic<bool>> over_ =
      std::make_shared<std::atomic<bool>>(false);
  grpc::Alarm alarm_;  // cancelled when it goes
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_TIMEOUT_H_
