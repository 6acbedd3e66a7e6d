#include "tests/bench/scheduler/jobs.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"

namespace unroll::bench {
namespace {

// A result in time: BENCHMARK.md's goodput.
constexpr absl::Duration kLeastBound = absl::Milliseconds(5);
constexpr int kTimesAlone = 5;

}  // namespace

Jobs::Jobs(const JobOptions& options, const BenchModel& model)
    : states_(options.count * model.state_size()),
      hidden_(options.count * model.width()),
      jobs_(options.count) {
  std::mt19937_64 random(options.seed);
  absl::Duration time;
  for (size_t i = 0; i < jobs_.size(); ++i) {
    Job& job = jobs_[i];
    job.steps = options.lengths.Draw(random);
    job.input = static_cast<int64_t>(random() % BenchModel::kInputs);
    if (options.rate > 0) {
      std::exponential_distribution<double> gap(options.rate);
      time += absl::Seconds(gap(random));
    }
    job.scheduled = time;
    job.bound =
        std::max(kLeastBound, kTimesAlone * job.steps * model.step_alone());
    job.state = states_.data() + i * model.state_size();
    job.last_hidden = hidden_.data() + i * model.width();
  }
}

Jobs::Jobs(const LiveOptions& options, const BenchModel& model)
    : states_(options.streams * model.state_size()),
      hidden_(options.streams * options.steps * model.width()) {
  std::mt19937_64 random(options.seed);
  std::uniform_real_distribution<double> phase(0, 1);
  for (int64_t stream = 0; stream < options.streams; ++stream) {
    const absl::Duration begin = phase(random) * kStepInterval;
    const auto input = static_cast<int64_t>(random() % BenchModel::kInputs);
    for (int64_t step = 0; step < options.steps; ++step) {
      jobs_.push_back({.stream = stream,
                       .first = step,
                       .steps = 1,
                       .input = input,
                       .scheduled = begin + step * kStepInterval,
                       .bound = kStepInterval,
                       .state = states_.data() + stream * model.state_size()});
    }
  }
  std::sort(jobs_.begin(), jobs_.end(), [](const Job& a, const Job& b) {
    return a.scheduled < b.scheduled;
  });
  for (size_t i = 0; i < jobs_.size(); ++i) {
    jobs_[i].last_hidden = hidden_.data() + i * model.width();
  }
}

absl::Status Jobs::Check(BenchModel& model) const {
  for (size_t i = 0; i < jobs_.size(); ++i) {
    const Job& job = jobs_[i];
    if (!job.ok) continue;
    ASSIGN_OR_RETURN(const auto expected,
                     model.Expected(job.input, job.first + job.steps));
    const auto differs =
        std::mismatch(expected.begin(), expected.end(), job.last_hidden);
    if (differs.first == expected.end()) continue;
    return absl::InternalError(absl::StrFormat(
        "job %d, steps %d to %d: last hidden[%d] is %.9g, expected %.9g", i,
        job.first, job.first + job.steps - 1, differs.first - expected.begin(),
        *differs.second, *differs.first));
  }
  return absl::OkStatus();
}

}  // namespace unroll::bench
