#include "tests/bench/scheduler/summary.h"

#include <gtest/gtest.h>

namespace unroll::bench {
namespace {

constexpr absl::Duration kMs = absl::Milliseconds(1);

// Jobs of one step, one a millisecond, each through `latency` later.
std::vector<Job> JobsOf(const std::vector<absl::Duration>& latencies) {
  std::vector<Job> jobs(latencies.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    job.steps = 1;
    job.bound = 5 * kMs;
    job.scheduled = job.submitted = static_cast<int64_t>(i) * kMs;
    job.done = job.first_step = job.scheduled + latencies[i];
    job.begun = job.done;
    job.ok = true;
  }
  return jobs;
}

TEST(SummaryTest, APercentileIsTheLeastValueThatTheShareDoesNotPass) {
  std::vector<absl::Duration> values;
  for (int i = 1; i <= 1000; ++i) values.push_back(i * kMs);
  EXPECT_EQ(Percentile(values, 0.5), 500 * kMs);
  EXPECT_EQ(Percentile(values, 0.99), 990 * kMs);
  EXPECT_EQ(Percentile(values, 0.999), 999 * kMs);
  EXPECT_EQ(Percentile(values, 1), 1000 * kMs);
  EXPECT_EQ(Percentile({values.data(), 1}, 0.5), kMs);
  EXPECT_EQ(Percentile({values.data(), 1}, 0.001), kMs);
  EXPECT_EQ(Percentile({values.data(), 3}, 0.5), 2 * kMs);
}

TEST(SummaryTest, PercentilesOfNothingAreNull) {
  EXPECT_TRUE(Percentiles({}).is_null());
}

TEST(SummaryTest, StepsAreCountedBetweenTheFirstAndTheLastTenth) {
  std::vector<Job> jobs = JobsOf(std::vector<absl::Duration>(100, kMs));
  EXPECT_DOUBLE_EQ(StepsPerSecond(jobs), 1000);
  jobs.back().done += 1000 * kMs;  // a straggler does not matter
  EXPECT_DOUBLE_EQ(StepsPerSecond(jobs), 1000);
}

TEST(SummaryTest, AQueueGrowsIfTheLastQuarterWaitsLongerThanTheSecond) {
  std::vector<absl::Duration> latencies(100, 3 * kMs);
  EXPECT_FALSE(QueueGrew(JobsOf(latencies)));
  for (int i = 0; i < 25; ++i) latencies[i] = 90 * kMs;  // a slow beginning
  EXPECT_FALSE(QueueGrew(JobsOf(latencies)));
  for (int i = 75; i < 100; ++i) latencies[i] = 4.5 * kMs;
  EXPECT_TRUE(QueueGrew(JobsOf(latencies)));
}

TEST(SummaryTest, OnlyResultsInTimeAreGood) {
  std::vector<Job> jobs = JobsOf({kMs, 5 * kMs, 6 * kMs, kMs});
  jobs[3].ok = false;
  const auto summary = Summary(jobs, {.rows = 8, .padding = 2});
  EXPECT_EQ(summary["sequences"], 4);
  EXPECT_EQ(summary["ok"], 3);
  EXPECT_EQ(summary["goodput"], 0.5);
  EXPECT_EQ(summary["latency_ms"]["p50"], 5);
  EXPECT_EQ(summary["padding"], 0.25);
  EXPECT_TRUE(summary["gap_ms"].is_null());
}

}  // namespace
}  // namespace unroll::bench
