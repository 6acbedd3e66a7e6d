#include "core/serve/step_cost.h"

#include <gtest/gtest.h>

namespace unroll {
namespace {

ModelInfo Info(int64_t hidden_size) {
  ModelInfo info;
  info.spec = {.input_size = 64, .hidden_size = hidden_size, .num_layers = 1};
  return info;
}

TEST(StepCostTest, GrowsWithStepsRowsAndTheModel) {
  const StepCost cost(Info(128));
  EXPECT_GT(cost.Estimate(2, 2), cost.Estimate(1, 2));
  EXPECT_GT(cost.Estimate(2, 8), cost.Estimate(2, 2));
  EXPECT_GT(StepCost(Info(512)).Estimate(1, 1), cost.Estimate(1, 1));
}

TEST(StepCostTest, LearnsHowFastTheMachineIs) {
  StepCost cost(Info(128));
  const absl::Duration truth = 5 * cost.Estimate(10, 40);
  for (int i = 0; i < 100; ++i) cost.Observe(10, 40, truth);
  EXPECT_NEAR(absl::FDivDuration(cost.Estimate(10, 40), truth), 1.0, 0.01);
}

TEST(StepCostTest, OneStalledBatchTeachesLittle) {
  StepCost cost(Info(128));
  const absl::Duration before = cost.Estimate(1, 1);
  cost.Observe(1, 1, absl::Seconds(10));
  EXPECT_LT(cost.Estimate(1, 1), 2 * before);
}

}  // namespace
}  // namespace unroll
