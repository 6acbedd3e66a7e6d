#include "server/timeout.h"

#include <grpc/support/time.h>

#include <utility>

namespace unroll::server {

Timeout::Timeout(absl::Duration delay, std::function<void()> expired) {
  const gpr_timespec end = gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_micros(absl::ToInt64Microseconds(delay), GPR_TIMESPAN));
  alarm_.Set(end, [over = over_, expired = std::move(expired)](bool passed) {
    if (passed && !over->exchange(true)) expired();
  });
}

}  // namespace unroll::server
