#include "core/serve/policy.h"

#include <algorithm>

namespace unroll {
namespace {

// As many steps as fit the quantum in a batch of `rows` sequences, at least
// one.
int64_t StepsPerQuantum(int64_t rows, const StepCost& cost,
                        absl::Duration quantum) {
  return std::max<int64_t>(1, quantum / cost.Estimate(1, rows));
}

void TakeIncremental(std::span<const SequenceView> ready, const StepCost& cost,
                     const PolicyOptions& options, std::vector<Take>& takes) {
  const auto rows = static_cast<int64_t>(takes.size());
  const int64_t steps = StepsPerQuantum(rows, cost, options.quantum);
  for (Take& take : takes) {
    take.steps = std::min(steps, ready[take.index].remaining_steps);
  }
}

void TakeWhole(std::span<const SequenceView> ready, const StepCost& cost,
               const PolicyOptions& options, std::vector<Take>& takes) {
  std::vector<Take> chosen;
  int64_t longest = 0;
  int64_t rows = 0;
  absl::Duration bound;
  for (Take take : takes) {
    take.steps = ready[take.index].remaining_steps;
    const int64_t new_longest = std::max(longest, take.steps);
    const absl::Duration estimate =
        cost.Estimate(new_longest, rows + take.steps);
    if (chosen.empty()) {
      bound = std::max(options.quantum, kCompanyFactor * estimate);
    } else if (estimate > bound) {
      continue;
    }
    longest = new_longest;
    rows += take.steps;
    chosen.push_back(take);
  }
  takes = std::move(chosen);
}

}  // namespace

BatchPlan PlanBatch(std::span<const SequenceView> ready, bool incremental,
                    const StepCost& cost, absl::Time now,
                    const PolicyOptions& options) {
  BatchPlan plan;
  for (int64_t i = 0; i < static_cast<int64_t>(ready.size()); ++i) {
    if (ready[i].deadline <= now) {
      plan.expired.push_back(i);
    } else if (static_cast<int64_t>(plan.takes.size()) <
               options.max_batch_rows) {
      plan.takes.push_back({.index = i});
    }
  }
  if (plan.takes.empty()) return plan;
  if (incremental) {
    TakeIncremental(ready, cost, options, plan.takes);
  } else {
    TakeWhole(ready, cost, options, plan.takes);
  }
  return plan;
}

}  // namespace unroll
