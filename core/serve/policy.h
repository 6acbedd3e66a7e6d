#ifndef UNROLL_CORE_SERVE_POLICY_H_
#define UNROLL_CORE_SERVE_POLICY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "core/serve/step_cost.h"

namespace unroll {

// What the policy knows of a sequence that is ready to run.
struct SequenceView {
  int64_t remaining_steps = 0;  // at least 1: that may run in one batch
  absl::Time deadline = absl::InfiniteFuture();
};

struct PolicyOptions {
  int64_t max_batch_rows = 64;                       // at least 1
  absl::Duration quantum = absl::Microseconds(100);  // estimated compute
};

// `index` is into the views; `steps` of its remaining ones go into the batch.
struct Take {
  int64_t index = 0;
  int64_t steps = 0;
};

struct BatchPlan {
  std::vector<int64_t> expired;  // past their deadline: to be ended, not run
  std::vector<Take> takes;       // empty only when all are expired
};

// Which steps of which ready sequences of one model run next. `ready` is in
// order of arrival. Pure.
//
// incremental (D = 1): the oldest max_batch_rows sequences, as many steps of
// each as fit the quantum together, at least one.
//
// Otherwise a sequence runs whole: the oldest one, and in order of arrival
// every other that fits while the batch's estimate stays within the larger of
// the quantum and kCompanyFactor times what the oldest costs alone.
BatchPlan PlanBatch(std::span<const SequenceView> ready, bool incremental,
                    const StepCost& cost, absl::Time now,
                    const PolicyOptions& options);

// How many times longer than alone a bidirectional sequence may take for the
// sake of company: near there a row's cost stops falling.
inline constexpr double kCompanyFactor = 4;

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_POLICY_H_
