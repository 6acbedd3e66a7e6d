#ifndef UNROLL_CORE_RNN_CORES_H_
#define UNROLL_CORE_RNN_CORES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "core/base/mutex.h"

namespace unroll {

// The CPU cores that networks run on. Each batch holds one; a batch whose
// layers are big may borrow a second one while it lies idle, and gives it back
// as soon as another batch wants it (after a time step at most), so that there
// are never more busy threads than cores. Thread-safe.
class Cores {
 public:
  // Keeps count - 1 threads that help out, asleep unless lent. `count` >= 1.
  explicit Cores(int64_t count);
  ~Cores();  // REQUIRES: no Lease is left
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

  class Lease;

 private:
  struct Helper;

  void Acquire();
  void Release();
  Helper* Borrow();
  void GiveBack(Helper& helper);
  bool wanted() const { return waiting_.load(std::memory_order_relaxed) > 0; }
  void RunHelper(Helper& helper);

  std::atomic<int64_t> waiting_ = 0;  // leases, for a core
  Mutex mutex_;
  CondVar released_;
  int64_t free_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Helper>> helpers_;  // constant
};

// One core, while a batch runs. Of one thread.
class Cores::Lease {
 public:
  // Waits for a core that was lent out: a time step at most. Null: a core is
  // taken for granted, and there is no second one.
  explicit Lease(Cores* cores);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // f(0), ..., f(parts - 1), in any order and on one or two threads; returns
  // when all are done. 1 <= parts < 65536.
  template <typename F>
  void ForEach(int64_t parts, const F& f) {
    Run(
        parts, [](const void* f, int64_t i) { (*static_cast<const F*>(f))(i); },
        &f);
  }

 private:
  using Function = void (*)(const void* context, int64_t part);
  friend struct Cores::Helper;

  void Run(int64_t parts, Function function, const void* context);

  Cores* const cores_;
  Helper* helper_ = nullptr;
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_CORES_H_
