#include "core/serve/policy.h"

#include <gtest/gtest.h>

#include <string>

namespace unroll {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);
constexpr absl::Duration kAgeing = absl::Milliseconds(100);

StepCost Cost() {
  ModelInfo info;
  info.spec = {.input_size = 64, .hidden_size = 128, .num_layers = 1};
  return StepCost(info);
}

// A quantum that `steps` steps of `rows` sequences fit, and no more.
absl::Duration Fits(int64_t steps, int64_t rows) {
  return steps * Cost().Estimate(1, rows) + absl::Nanoseconds(10);
}

struct OrderCase {
  std::string name;
  SequenceView first, second;
};

std::vector<OrderCase> OrderCases() {
  const absl::Time late = kNow + kAgeing - absl::Nanoseconds(1);
  const absl::Time soon = kNow + absl::Seconds(1);
  return {
      {"PriorityBeforeAllElse",
       {.priority = 1, .arrival = 9, .ready_since = late},
       {.started = true, .deadline = soon, .arrival = 1, .ready_since = kNow}},
      {"StartedBeforeNew",
       {.started = true, .arrival = 9, .ready_since = late},
       {.deadline = soon, .arrival = 1, .ready_since = kNow}},
      {"EarliestDeadline",
       {.deadline = soon, .arrival = 9, .ready_since = late},
       {.deadline = soon + absl::Nanoseconds(1),
        .arrival = 1,
        .ready_since = kNow}},
      {"ADeadlineBeforeNone",
       {.deadline = soon, .arrival = 9, .ready_since = late},
       {.arrival = 1, .ready_since = kNow}},
      {"FirstAdmitted",
       {.arrival = 1, .ready_since = late},
       {.arrival = 9, .ready_since = kNow}},
      {"APeriodOfWaitingBeforeStarted",
       {.arrival = 9, .ready_since = kNow},
       {.started = true, .arrival = 1, .ready_since = kNow + kAgeing}},
      {"MorePriorityBeforeAPeriodOfWaiting",
       {.priority = 2, .arrival = 9, .ready_since = kNow + kAgeing},
       {.arrival = 1, .ready_since = kNow}},
      {"APeriodForEachLevelOfPriority",
       {.arrival = 9, .ready_since = kNow},
       {.priority = 2, .arrival = 1, .ready_since = kNow + 3 * kAgeing}},
      {"TheLowestIsPassedForSoLongOnly",
       {.priority = kLowestPriority, .arrival = 9, .ready_since = kNow},
       {.priority = kHighestPriority,
        .started = true,
        .deadline = kNow,
        .arrival = 1,
        .ready_since =
            kNow + (kHighestPriority - kLowestPriority + 1) * kAgeing}},
  };
}

class OrderTest : public ::testing::TestWithParam<OrderCase> {};

TEST_P(OrderTest, FirstGoesFirst) {
  const Claim first = ClaimOf(GetParam().first, kAgeing);
  const Claim second = ClaimOf(GetParam().second, kAgeing);
  EXPECT_TRUE(first < second);
  EXPECT_FALSE(second < first);
}

INSTANTIATE_TEST_SUITE_P(Table, OrderTest, ::testing::ValuesIn(OrderCases()),
                         [](const auto& info) { return info.param.name; });

TEST(QuantumOfTest, IsInProportionToTheSequencesButNeverTiny) {
  const PolicyOptions options = {.max_batch_rows = 16,
                                 .quantum = absl::Microseconds(160)};
  EXPECT_EQ(QuantumOf(16, options), absl::Microseconds(160));
  EXPECT_EQ(QuantumOf(8, options), absl::Microseconds(80));
  EXPECT_EQ(QuantumOf(3, options), absl::Microseconds(30));
  EXPECT_EQ(QuantumOf(1, options), absl::Microseconds(20));
}

struct StepsCase {
  std::string name;
  std::vector<int64_t> available;
  absl::Duration quantum;
  std::vector<int64_t> taken;
};

std::vector<StepsCase> StepsCases() {
  return {
      {"AShortOneRunsWhole", {3}, Fits(10, 1), {3}},
      {"ALongOneRunsForAQuantum", {100}, Fits(10, 1), {10}},
      {"AllShareIt", {100, 50}, Fits(10, 2), {10, 10}},
      {"TheLongerRunOnAfterTheShorter",
       {20, 1, 20},
       Cost().Estimate(1, 3) + Fits(6, 2),
       {7, 1, 7}},
      {"AStepRunsHoweverShortTheQuantum", {9, 9}, absl::Nanoseconds(1), {1, 1}},
  };
}

class StepsTest : public ::testing::TestWithParam<StepsCase> {};

TEST_P(StepsTest, FitTheQuantum) {
  EXPECT_EQ(StepsInQuantum(GetParam().available, Cost(), GetParam().quantum),
            GetParam().taken);
}

INSTANTIATE_TEST_SUITE_P(Table, StepsTest, ::testing::ValuesIn(StepsCases()),
                         [](const auto& info) { return info.param.name; });

TEST(WholeTogetherTest, CompanyComesWhileTheFirstIsNotHeldUpLong) {
  const std::vector<int64_t> mixed = {10, 500, 10}, alike = {10, 10, 10};
  EXPECT_EQ(WholeTogether(mixed, Cost(), Fits(1, 1)),
            (std::vector<size_t>{0, 2}));
  EXPECT_EQ(WholeTogether(alike, Cost(), Fits(1000, 1)),
            (std::vector<size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace unroll
