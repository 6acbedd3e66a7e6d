#ifndef UNROLL_CORE_BASE_CLOCK_H_
#define UNROLL_CORE_BASE_CLOCK_H_

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace unroll {

// Where the core reads time, so that tests can set it. Never goes back.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The wall clock when it was made, and from there the monotonic clock.
class RealClock final : public Clock {
 public:
  absl::Time Now() const override {
    return wall_ + absl::FromChrono(std::chrono::steady_clock::now() - steady_);
  }

 private:
  const absl::Time wall_ = absl::Now();
  const std::chrono::steady_clock::time_point steady_ =
      std::chrono::steady_clock::now();
};

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_CLOCK_H_
