#include "tests/bench/scheduler/send.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace unroll::bench {
namespace {

void Pause(bool spins) {
  if (!spins) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

void WaitUntilDone(int64_t count, const Policy& policy) {
  while (policy.done() < count) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace

void SendOnTime(std::span<Job> jobs, Policy& policy, const Sender& sender) {
  size_t sent = 0;
  while (sent < jobs.size()) {
    const absl::Duration now = sender.clock.Now() - sender.start;
    size_t due = sent;
    while (due < jobs.size() && jobs[due].scheduled <= now) ++due;
    if (due > sent) {
      policy.Submit(jobs.subspan(sent, due - sent));
      sent = due;
    } else {
      Pause(sender.spins);
    }
  }
  WaitUntilDone(std::ssize(jobs), policy);
}

void SendAsTheyGetThrough(std::span<Job> jobs, Policy& policy,
                          const Sender& sender) {
  int64_t sent = 0;
  while (sent < std::ssize(jobs)) {
    const int64_t end =
        std::min(std::ssize(jobs), policy.done() + kOutstanding);
    if (end > sent) {
      const auto next = jobs.subspan(sent, end - sent);
      const absl::Duration now = sender.clock.Now() - sender.start;
      for (Job& job : next) job.scheduled = now;
      policy.Submit(next);
      sent = end;
    } else {
      Pause(sender.spins);
    }
  }
  WaitUntilDone(std::ssize(jobs), policy);
}

}  // namespace unroll::bench
