#ifndef UNROLL_TESTS_SUPPORT_NOTIFICATION_H_
#define UNROLL_TESTS_SUPPORT_NOTIFICATION_H_

#include "core/base/mutex.h"

namespace unroll::testing {

// absl::Notification on our Mutex: Debian's absl::Mutex gives false races under
// tsan.
class Notification {
 public:
  void Notify() {
    MutexLock lock(mutex_);
    notified_ = true;
    changed_.NotifyAll();
  }
  bool HasBeenNotified() const {
    MutexLock lock(mutex_);
    return notified_;
  }
  void WaitForNotification() {
    MutexLock lock(mutex_);
    while (!notified_) changed_.Wait(mutex_);
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_NOTIFICATION_H_
