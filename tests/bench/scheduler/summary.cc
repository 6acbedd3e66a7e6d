#include "tests/bench/scheduler/summary.h"

#include <algorithm>
#include <cmath>

namespace unroll::bench {
namespace {

using nlohmann::json;

constexpr absl::Duration kGrowth = absl::Milliseconds(1);

absl::Duration MeanQueued(std::span<const Job> jobs) {
  absl::Duration sum;
  for (const Job& job : jobs) sum += job.queued();
  return sum / std::ssize(jobs);
}

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

absl::Duration Percentile(std::span<const absl::Duration> sorted,
                          double share) {
  const auto rank = std::llround(
      std::ceil(share * static_cast<double>(sorted.size()) - 1e-9));
  return sorted[std::max(rank, 1ll) - 1];
}

json Percentiles(std::vector<absl::Duration> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return absl::ToDoubleMilliseconds(Percentile(values, share));
  };
  return {{"p50", at(0.5)},
          {"p90", at(0.9)},
          {"p99", at(0.99)},
          {"p99.9", at(0.999)},
          {"max", at(1)}};
}

double StepsPerSecond(std::span<const Job> jobs) {
  std::vector<std::pair<absl::Duration, int64_t>> ends;
  for (const Job& job : jobs) {
    if (job.ok) ends.emplace_back(job.done, job.steps);
  }
  std::sort(ends.begin(), ends.end());
  const size_t tenth = ends.size() / 10;
  if (tenth == 0) return 0;
  int64_t steps = 0;
  for (size_t i = tenth; i < ends.size() - tenth; ++i) steps += ends[i].second;
  return Share(static_cast<double>(steps),
               absl::ToDoubleSeconds(ends[ends.size() - tenth - 1].first -
                                     ends[tenth - 1].first));
}

bool QueueGrew(std::span<const Job> jobs) {
  const size_t quarter = jobs.size() / 4;
  if (quarter == 0) return false;
  return MeanQueued(jobs.last(quarter)) >
         MeanQueued(jobs.subspan(quarter, quarter)) + kGrowth;
}

json Summary(std::span<const Job> jobs, const Work& work) {
  std::vector<absl::Duration> latency, queued, compute, first_step, lateness;
  absl::Duration end;
  double offered_steps = 0, steps = 0, good_steps = 0;
  int64_t good = 0;
  for (const Job& job : jobs) {
    end = std::max(end, job.done);
    offered_steps += static_cast<double>(job.steps);
    lateness.push_back(job.submitted - job.scheduled);
    if (!job.ok) continue;
    latency.push_back(job.latency());
    queued.push_back(job.queued());
    compute.push_back(job.compute);
    first_step.push_back(job.first_step - job.scheduled);
    steps += static_cast<double>(job.steps);
    if (job.latency() > job.bound) continue;
    ++good;
    good_steps += static_cast<double>(job.steps);
  }
  const double seconds = absl::ToDoubleSeconds(end);
  return {{"sequences", jobs.size()},
          {"ok", latency.size()},
          {"steps", offered_steps},
          {"seconds", seconds},
          {"steps_per_s", StepsPerSecond(jobs)},
          // Whatever else the machine does.
          {"steps_per_cpu_s", Share(steps, absl::ToDoubleSeconds(work.cpu))},
          {"latency_ms", Percentiles(std::move(latency))},
          {"queued_ms", Percentiles(std::move(queued))},
          {"compute_ms", Percentiles(std::move(compute))},
          {"first_step_ms", Percentiles(std::move(first_step))},
          {"gap_ms", Percentiles(work.gaps)},
          {"sent_late_ms", Percentiles(std::move(lateness))},
          {"padding", Share(work.padding, work.rows)},
          {"rows_a_step", Share(work.rows, work.steps)},
          {"steps_a_batch", Share(work.steps, work.batches)},
          {"busy", Share(absl::ToDoubleSeconds(work.busy), seconds)},
          {"goodput", Share(good, std::ssize(jobs))},
          {"good_steps_per_s", Share(good_steps, seconds)},
          {"queue_grew", QueueGrew(jobs)}};
}

json LiveSummary(std::span<const Job> jobs, const Work& work) {
  const json all = Summary(jobs, work);
  json summary;
  // A step is not queued or computed by itself, and first and last at once.
  for (const char* name : {"ok", "seconds", "latency_ms", "sent_late_ms",
                           "rows_a_step", "busy", "goodput"}) {
    summary[name] = all[name];
  }
  return summary;
}

}  // namespace unroll::bench
