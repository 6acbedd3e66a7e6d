#ifndef UNROLL_CLIENT_LOAD_RUN_CLOCK_H_
#define UNROLL_CLIENT_LOAD_RUN_CLOCK_H_

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/time/time.h"

namespace unroll::client {

// The time since a run began, whatever becomes of the wall clock.
class RunClock {
 public:
  absl::Duration Now() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - begin_.load());
  }
  void Restart() { begin_ = std::chrono::steady_clock::now(); }

  void SleepUntil(absl::Duration time) const {
    std::this_thread::sleep_until(ToTimePoint(time));
  }
  std::chrono::steady_clock::time_point ToTimePoint(absl::Duration time) const {
    return begin_.load() + absl::ToChronoNanoseconds(time);
  }

 private:
  std::atomic<std::chrono::steady_clock::time_point> begin_ =
      std::chrono::steady_clock::now();
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_RUN_CLOCK_H_
