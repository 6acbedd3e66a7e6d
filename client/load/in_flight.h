#ifndef UNROLL_CLIENT_LOAD_IN_FLIGHT_H_
#define UNROLL_CLIENT_LOAD_IN_FLIGHT_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace unroll::client {

// Counts calls under way. Any thread.
class InFlight {
 public:
  void Enter() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void Leave() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) empty_.notify_all();
  }
  int64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  void WaitUntilEmpty() {
    std::unique_lock lock(mutex_);
    empty_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  int64_t count_ = 0;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_IN_FLIGHT_H_
