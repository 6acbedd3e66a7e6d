#ifndef UNROLL_CORE_BASE_CLOCK_H_
#define UNROLL_CORE_BASE_CLOCK_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace unroll {

// Where the core reads time, so that tests can set it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class RealClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_CLOCK_H_
