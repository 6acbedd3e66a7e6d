#ifndef UNROLL_TESTS_BENCH_SCHEDULER_JOBS_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_JOBS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load/lengths.h"
#include "tests/bench/scheduler/bench_model.h"

namespace unroll::bench {

// One sequence of a run, or one step of a live one: what it is, and what became
// of it.
struct Job {
  int64_t stream = 0;  // of a live one
  int64_t first = 0;   // step; later ones than 0 go on from `state`
  int64_t steps = 0;
  int64_t input = 0;             // of the BenchModel
  absl::Duration scheduled;      // its sending, since the run's start
  absl::Duration bound;          // a result that takes longer is worth nothing
  float* state = nullptr;        // [L*D, H]
  float* last_hidden = nullptr;  // [D*H], to be filled

  // Since the run's start, but `compute`.
  absl::Duration submitted, begun, first_step, done;
  absl::Duration compute;  // in batches that ran some of its steps
  bool ok = false;         // it has its result
  absl::Duration latency() const { return done - scheduled; }
  absl::Duration queued() const { return begun - scheduled; }
};

struct JobOptions {
  client::Lengths lengths;  // at most BenchModel::kLongest
  double rate = 0;  // sequences a second, Poisson; 0: all are there at once
  int64_t count = 0;
  uint64_t seed = 0;
};

// Live streams, each with a step every kStepInterval.
inline constexpr absl::Duration kStepInterval = absl::Milliseconds(10);
struct LiveOptions {
  int64_t streams = 0;
  int64_t steps = 0;  // of each, at most BenchModel::kLongest
  uint64_t seed = 0;
};

// The jobs of a run as they are sent, the same for the same options and model,
// with their memory.
class Jobs {
 public:
  Jobs(const JobOptions& options, const BenchModel& model);
  Jobs(const LiveOptions& options, const BenchModel& model);

  std::vector<Job>& all() { return jobs_; }
  const std::vector<Job>& all() const { return jobs_; }
  // Whether those that are ok have the bits that `model` gives alone.
  absl::Status Check(BenchModel& model) const;

 private:
  std::vector<float> states_;  // of each sequence or stream, [L*D, H]
  std::vector<float> hidden_;  // of each job, [D*H]
  std::vector<Job> jobs_;
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_JOBS_H_
