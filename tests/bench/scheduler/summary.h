#ifndef UNROLL_TESTS_BENCH_SCHEDULER_SUMMARY_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_SUMMARY_H_

#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/scheduler/jobs.h"
#include "tests/bench/scheduler/policy.h"

namespace unroll::bench {

// The least value that `share` of all do not pass. `sorted` is not empty.
absl::Duration Percentile(std::span<const absl::Duration> sorted, double share);

// {"p50", "p90", "p99", "p99.9", "max"} in milliseconds; null without values.
nlohmann::json Percentiles(std::vector<absl::Duration> values);

// Useful steps a second while the run was in full swing: between the ends of
// its first and its last tenth.
double StepsPerSecond(std::span<const Job> jobs);

// Whether jobs waited longer towards the end of the run: on average over the
// last quarter of them 1 ms more than over the second.
bool QueueGrew(std::span<const Job> jobs);

// What a run came to; of live streams, whose steps are the jobs.
nlohmann::json Summary(std::span<const Job> jobs, const Work& work);
nlohmann::json LiveSummary(std::span<const Job> jobs, const Work& work);

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_SUMMARY_H_
