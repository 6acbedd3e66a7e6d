#ifndef UNROLL_CORE_SERVE_STEP_COST_H_
#define UNROLL_CORE_SERVE_STEP_COST_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "core/model/model.h"

namespace unroll {

// What running a model costs: a part for each time step of a batch (the weights
// are read once a step) and a part for each row. The shape of the formula comes
// from the model's sizes, its scale is learnt from the batches that ran. It
// decides how much goes into a batch, never what comes out. Thread-safe.
class StepCost {
 public:
  explicit StepCost(const ModelInfo& info);

  // A batch of `steps` time steps with `rows` rows in all.
  absl::Duration Estimate(int64_t steps, int64_t rows) const;

  // A batch of that size took `elapsed`.
  void Observe(int64_t steps, int64_t rows, absl::Duration elapsed);

 private:
  double Unscaled(int64_t steps, int64_t rows) const;  // seconds

  double step_seconds_;
  double row_seconds_;
  std::atomic<double> scale_ = 1.0;
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_STEP_COST_H_
