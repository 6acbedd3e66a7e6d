#include "core/serve/policy.h"

#include <gtest/gtest.h>

namespace unroll {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);

StepCost Cost() {
  ModelInfo info;
  info.spec = {.input_size = 64, .hidden_size = 128, .num_layers = 1};
  return StepCost(info);
}

// A quantum that `steps` steps of `rows` sequences fit, and no more.
PolicyOptions Options(int64_t steps, int64_t rows, int64_t max_batch_rows) {
  return {.max_batch_rows = max_batch_rows,
          .quantum = steps * Cost().Estimate(1, rows) + absl::Nanoseconds(10)};
}

struct PolicyCase {
  std::string name;
  std::vector<SequenceView> ready;
  bool incremental = true;
  PolicyOptions options;
  std::vector<std::pair<int64_t, int64_t>> takes;  // index, steps
  std::vector<int64_t> expired;
};

std::vector<SequenceView> Of(const std::vector<int64_t>& remaining) {
  std::vector<SequenceView> views;
  for (int64_t steps : remaining) views.push_back({.remaining_steps = steps});
  return views;
}

std::vector<PolicyCase> Cases() {
  const SequenceView late = {.remaining_steps = 5,
                             .deadline = kNow - absl::Nanoseconds(1)};
  const SequenceView now = {.remaining_steps = 5, .deadline = kNow};
  const SequenceView soon = {.remaining_steps = 5,
                             .deadline = kNow + absl::Nanoseconds(1)};
  return {
      {"OneShortSequenceRunsWhole",
       Of({3}),
       true,
       Options(10, 1, 64),
       {{0, 3}},
       {}},
      {"ALongOneRunsForAQuantum",
       Of({100}),
       true,
       Options(10, 1, 64),
       {{0, 10}},
       {}},
      {"AllShareTheQuantum",
       Of({100, 2, 50}),
       true,
       Options(10, 3, 64),
       {{0, 10}, {1, 2}, {2, 10}},
       {}},
      {"TheOldestFillTheRows",
       Of({9, 9, 9}),
       true,
       Options(4, 2, 2),
       {{0, 4}, {1, 4}},
       {}},
      {"AStepRunsHoweverShortTheQuantum",
       Of({9, 9}),
       true,
       {.max_batch_rows = 64, .quantum = absl::Nanoseconds(1)},
       {{0, 1}, {1, 1}},
       {}},
      {"DeadOnesAreEndedAndTakeNoRow",
       {late, soon, now, soon},
       true,
       Options(100, 2, 2),
       {{1, 5}, {3, 5}},
       {0, 2}},
      {"WhenAllAreDeadNothingRuns",
       {late, now},
       true,
       Options(10, 1, 64),
       {},
       {0, 1}},
      {"BidirectionalOnesRunWhole",
       Of({100}),
       false,
       Options(1, 1, 64),
       {{0, 100}},
       {}},
      {"CompanyIsTakenWhileTheOldestIsNotHeldUpLong",
       Of({10, 500, 10}),
       false,
       Options(1, 1, 64),
       {{0, 10}, {2, 10}},
       {}},
      {"BidirectionalOnesFillTheRowsToo",
       Of({10, 10, 10}),
       false,
       Options(1000, 1, 2),
       {{0, 10}, {1, 10}},
       {}},
  };
}

class PolicyTest : public ::testing::TestWithParam<PolicyCase> {};

TEST_P(PolicyTest, Plans) {
  const PolicyCase& c = GetParam();
  const BatchPlan plan =
      PlanBatch(c.ready, c.incremental, Cost(), kNow, c.options);
  std::vector<std::pair<int64_t, int64_t>> takes;
  for (const Take& take : plan.takes)
    takes.emplace_back(take.index, take.steps);
  EXPECT_EQ(takes, c.takes);
  EXPECT_EQ(plan.expired, c.expired);
}

INSTANTIATE_TEST_SUITE_P(Table, PolicyTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace unroll
