#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "client/load/pace.h"

namespace unroll::client {
namespace {

// Before a place whose sequence failed sends the next, so that a server that
// refuses all is not flooded.
constexpr absl::Duration kPause = absl::Milliseconds(100);
// Sequences come round again after so many.
constexpr int64_t kDrawn = 1 << 16;

class ClosedLoop {
 public:
  explicit ClosedLoop(LoadRun& run)
      : run_(run),
        work_(DrawWork(kDrawn, run.options.lengths, run.options.seed)) {}

  void Run(int64_t places) {
    run_.target.clock.Restart();
    for (int64_t place = 0; place < places; ++place) Send(place);
    while (const auto next = NextPaused()) Send(*next);
    run_.in_flight.WaitUntilEmpty();
  }

 private:
  struct Paused {
    int64_t place;
    absl::Duration until;
  };

  void Send(int64_t place) {
    const absl::Duration now = run_.target.clock.Now();
    if (now >= run_.end) return;
    run_.in_flight.Enter();
    const int64_t number = next_.fetch_add(1) % kDrawn;
    StartSequence(run_.options.call, run_.target, run_.stub(place),
                  {work_[number], now, run_.options.timeout},
                  [this, place](bool ok) {
                    if (ok) {
                      Send(place);
                    } else {
                      Pause(place);
                    }
                    run_.in_flight.Leave();
                  });
  }

  void Pause(int64_t place) {
    const absl::Duration now = run_.target.clock.Now();
    const std::lock_guard lock(mutex_);
    paused_.push_back({place, now + kPause});
    changed_.notify_one();
  }

  // The next place whose pause is over, waiting for it; nothing at the end.
  std::optional<int64_t> NextPaused() {
    std::unique_lock lock(mutex_);
    const auto end = run_.target.clock.ToTimePoint(run_.end);
    changed_.wait_until(lock, end, [this] { return !paused_.empty(); });
    if (paused_.empty() || paused_.front().until >= run_.end) {
      return std::nullopt;
    }
    const Paused next = paused_.front();
    paused_.pop_front();
    lock.unlock();
    run_.target.clock.SleepUntil(next.until);
    return next.place;
  }

  LoadRun& run_;
  const std::vector<Work> work_;
  std::atomic<int64_t> next_ = 0;

  std::mutex mutex_;  // guards paused_
  std::condition_variable changed_;
  std::deque<Paused> paused_;  // the first to end first
};

}  // namespace

void RunClosedLoop(const Concurrency& concurrency, LoadRun& run) {
  ClosedLoop(run).Run(concurrency.sequences);
}

}  // namespace unroll::client
