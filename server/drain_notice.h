#ifndef UNROLL_SERVER_DRAIN_NOTICE_H_
#define UNROLL_SERVER_DRAIN_NOTICE_H_

#include <map>
#include <memory>
#include <vector>

#include "core/base/mutex.h"

namespace unroll::server {

// Tells calls that would not end by themselves that the server is draining.
// Thread-safe.
class DrainNotice {
 public:
  class Listener {
   public:
    // Once, on any thread.
    virtual void OnDrain() = 0;

   protected:
    ~Listener() = default;
  };

  // `listener` is told when the drain begins, or now if it has.
  void Add(const std::shared_ptr<Listener>& listener) {
    {
      MutexLock lock(mutex_);
      if (!given_) {
        listeners_[listener.get()] = listener;
        return;
      }
    }
    listener->OnDrain();
  }
  void Remove(const Listener* listener) {
    MutexLock lock(mutex_);
    listeners_.erase(listener);
  }

  void Give() {
    std::map<const Listener*, std::weak_ptr<Listener>> listeners;
    {
      MutexLock lock(mutex_);
      given_ = true;
      listeners.swap(listeners_);
    }
    for (const auto& [key, listener] : listeners) {
      if (const auto alive = listener.lock()) alive->OnDrain();
    }
  }

 private:
  Mutex mutex_;
  bool given_ ABSL_GUARDED_BY(mutex_) = false;
  // Weak: one may go while it is told.
  std::map<const Listener*, std::weak_ptr<Listener>> listeners_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_DRAIN_NOTICE_H_
