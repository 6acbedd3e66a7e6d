#include "core/rnn/cores.h"

#include <chrono>

namespace unroll {
namespace {

// How long a helper stays awake after its last job, for the next batch: waking
// it takes about as long.
constexpr auto kLinger = std::chrono::microseconds(50);

void Pause() {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

// Waits for something that takes microseconds, unless the other thread has lost
// its core.
class Spin {
 public:
  void Once() {
    if (++count_ < 2000) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }

 private:
  int count_ = 0;
};

}  // namespace

// A thread that helps out, and the board on which one batch at a time offers it
// the parts of a job. The batch takes parts from the front, the helper from the
// back, so that each finds in its own cache what it read in the job before. Who
// comes late takes less: nobody waits for a thread that has not begun.
struct Cores::Helper {
  enum class State { kAsleep, kLent, kLeaving };

  // The parts of job `number` that nobody has taken: front <= part < back.
  struct Open {
    uint32_t number;
    uint16_t front, back;
  };

  void Offer(int64_t parts, Lease::Function f, const void* c) {
    function = f;
    context = c;
    done.store(0, std::memory_order_relaxed);
    const uint32_t next = open.load(std::memory_order_relaxed).number + 1;
    open.store({next, 0, static_cast<uint16_t>(parts)},
               std::memory_order_release);
  }

  // Takes a part from either end, if there is one. Its job cannot end, and the
  // fields above cannot change, before it is done.
  template <bool kFront>
  bool Take(int64_t& part) {
    Open now = open.load(std::memory_order_acquire);
    while (now.front < now.back) {
      Open next = now;
      part = kFront ? next.front++ : --next.back;
      if (open.compare_exchange_weak(now, next, std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  // Changed under the Cores' mutex.
  std::atomic<State> state = State::kAsleep;
  CondVar lent;

  Lease::Function function = nullptr;
  const void* context = nullptr;
  alignas(64) std::atomic<Open> open = Open{0, 0, 0};
  alignas(64) std::atomic<int64_t> done = 0;  // parts that the helper ran
  std::thread thread;
};

Cores::Cores(int64_t count) : free_(count) {
  for (int64_t i = 1; i < count; ++i) {
    helpers_.push_back(std::make_unique<Helper>());
  }
  for (const auto& helper : helpers_) {
    helper->thread = std::thread([this, h = helper.get()] { RunHelper(*h); });
  }
}

Cores::~Cores() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  for (const auto& helper : helpers_) helper->lent.NotifyAll();
  for (const auto& helper : helpers_) helper->thread.join();
}

void Cores::Acquire() {
  MutexLock lock(mutex_);
  ++waiting_;
  while (free_ == 0) released_.Wait(mutex_);
  --waiting_;
  --free_;
}

void Cores::Release() {
  {
    MutexLock lock(mutex_);
    ++free_;
  }
  released_.NotifyOne();
}

Cores::Helper* Cores::Borrow() {
  MutexLock lock(mutex_);
  if (wanted()) return nullptr;
  Helper* asleep = nullptr;
  for (const auto& helper : helpers_) {
    if (helper->state == Helper::State::kLeaving) {
      // It still has its core.
      helper->state = Helper::State::kLent;
      return helper.get();
    }
    if (helper->state == Helper::State::kAsleep) asleep = helper.get();
  }
  if (free_ == 0 || asleep == nullptr) return nullptr;
  --free_;
  asleep->state = Helper::State::kLent;
  asleep->lent.NotifyOne();
  return asleep;
}

void Cores::GiveBack(Helper& helper) {
  MutexLock lock(mutex_);
  helper.state = Helper::State::kLeaving;
}

void Cores::RunHelper(Helper& helper) {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (helper.state == Helper::State::kAsleep && !stopping_) {
        helper.lent.Wait(mutex_);
      }
      if (stopping_) return;
    }
    auto idle_since = std::chrono::steady_clock::now();
    for (;;) {
      int64_t part;
      if (helper.Take<false>(part)) {
        helper.function(helper.context, part);
        helper.done.fetch_add(1, std::memory_order_release);
        idle_since = std::chrono::steady_clock::now();
      } else if (helper.state != Helper::State::kLent &&
                 (wanted() ||
                  std::chrono::steady_clock::now() - idle_since > kLinger)) {
        MutexLock lock(mutex_);
        if (helper.state == Helper::State::kLent) continue;  // lent again
        helper.state = Helper::State::kAsleep;
        ++free_;
        released_.NotifyOne();
        break;
      } else {
        Pause();
      }
    }
  }
}

Cores::Lease::Lease(Cores* cores) : cores_(cores) {
  if (cores_ != nullptr) cores_->Acquire();
}

Cores::Lease::~Lease() {
  if (helper_ != nullptr) cores_->GiveBack(*helper_);
  if (cores_ != nullptr) cores_->Release();
}

void Cores::Lease::Run(int64_t parts, Function function, const void* context) {
  if (helper_ != nullptr && cores_->wanted()) {
    cores_->GiveBack(*helper_);
    helper_ = nullptr;
  }
  if (helper_ == nullptr && cores_ != nullptr) helper_ = cores_->Borrow();
  if (helper_ == nullptr) {
    for (int64_t i = 0; i < parts; ++i) function(context, i);
    return;
  }
  helper_->Offer(parts, function, context);
  int64_t own = 0, part;
  for (; helper_->Take<true>(part); ++own) function(context, part);
  Spin spin;
  while (helper_->done.load(std::memory_order_acquire) != parts - own) {
    spin.Once();
  }
}

}  // namespace unroll
