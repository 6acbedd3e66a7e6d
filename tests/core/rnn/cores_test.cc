#include "core/rnn/cores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace unroll {
namespace {

TEST(CoresTest, EveryPartOfEveryJobIsDoneOnceAndInTime) {
  Cores cores(2);
  for (int batch = 0; batch < 50; ++batch) {
    Cores::Lease lease(&cores);
    for (int64_t parts = 1; parts < 40; ++parts) {
      std::vector<int> done(parts, 0);  // plain: races show under tsan
      lease.ForEach(parts, [&](int64_t i) { ++done[i]; });
      EXPECT_EQ(std::ranges::count(done, 1), parts);
    }
  }
}

TEST(CoresTest, ASecondThreadDoesHelp) {
  Cores cores(2);
  Cores::Lease lease(&cores);
  const auto own = std::this_thread::get_id();
  std::atomic<bool> helped = false;
  while (!helped) {  // for ever if nobody ever helps
    lease.ForEach(8, [&](int64_t) {
      if (std::this_thread::get_id() != own) helped = true;
    });
  }
}

TEST(CoresTest, OneCoreOrNoneRunsAllHere) {
  Cores one(1);
  for (Cores* cores : {&one, static_cast<Cores*>(nullptr)}) {
    Cores::Lease lease(cores);
    int done = 0;
    lease.ForEach(8, [&](int64_t) { ++done; });
    EXPECT_EQ(done, 8);
  }
}

// As workers do: each takes a core for a batch, and what lies idle helps.
TEST(CoresTest, NeverMoreThreadsAreBusyThanThereAreCores) {
  constexpr int kCores = 3;
  Cores cores(kCores);
  std::atomic<int> busy = 0, most = 0, done = 0;
  const auto work = [&](int64_t) {
    const int now = ++busy;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    ++done;
    --busy;
  };
  std::vector<std::thread> workers;
  for (int w = 0; w < kCores; ++w) {
    workers.emplace_back([&] {
      for (int batch = 0; batch < 300; ++batch) {
        Cores::Lease lease(&cores);
        for (int step = 0; step < 10; ++step) lease.ForEach(6, work);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(done, kCores * 300 * 10 * 6);
  EXPECT_LE(most, kCores);
}

}  // namespace
}  // namespace unroll
