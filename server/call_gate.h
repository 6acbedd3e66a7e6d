#ifndef UNROLL_SERVER_CALL_GATE_H_
#define UNROLL_SERVER_CALL_GATE_H_

#include <chrono>
#include <cstdint>

#include "absl/time/time.h"
#include "core/base/mutex.h"

namespace unroll::server {

// Counts the calls that gRPC has not finished with, so that a shutdown can wait
// until their answers are on the wire. Thread-safe.
class CallGate {
 public:
  void Enter() {
    MutexLock lock(mutex_);
    ++calls_;
  }
  void Leave() {
    MutexLock lock(mutex_);
    if (--calls_ == 0) empty_.NotifyAll();
  }

  // False when `patience` passed first.
  bool WaitUntilEmpty(absl::Duration patience) {
    const auto deadline =
        std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(patience);
    MutexLock lock(mutex_);
    while (calls_ > 0) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::steady_clock::duration::zero()) return false;
      empty_.WaitFor(mutex_, left);
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar empty_;
  int64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CALL_GATE_H_
