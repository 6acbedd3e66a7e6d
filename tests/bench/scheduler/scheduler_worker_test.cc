#include "tests/bench/scheduler/scheduler_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace unroll::bench {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SchedulerWorkerTest : public ::testing::Test {
 protected:
  // Runs something that must work. A wrong result is an error.
  json Run(const std::string& words) {
    const std::string answer = worker_.Answer(words);
    if (answer.starts_with("ok {")) return json::parse(answer.substr(3));
    ADD_FAILURE() << words << ": " << answer;
    return json::object();
  }

  SchedulerWorker worker_;
};

TEST_F(SchedulerWorkerTest, EveryPolicyEndsEverySequenceWithItsOwnResult) {
  for (const std::string model : {"S", "Bi"}) {
    ASSERT_THAT(worker_.Answer("prepare " + model), StartsWith("ok "));
    for (const std::string policy :
         {"continuous", "continuous 4 50", "single", "packed 8 0",
          "packed 64 1000", "padded 8 0", "padded 64 1000"}) {
      if (model == "Bi" && policy.starts_with("padded")) continue;
      for (const std::string rate : {"0", "100000"}) {
        const json summary = Run("run w4 " + rate + " 40 7 keep " + policy);
        EXPECT_EQ(summary["ok"], 40) << model << ", " << policy;
      }
    }
  }
}

TEST_F(SchedulerWorkerTest, LargerModelsRunToo) {
  for (const std::string model : {"M", "L"}) {
    ASSERT_THAT(worker_.Answer("prepare " + model), StartsWith("ok "));
    EXPECT_EQ(Run("run w1 0 10 7 keep continuous")["ok"], 10) << model;
  }
}

TEST_F(SchedulerWorkerTest, PaddingIsWhatIsRunForNothing) {
  ASSERT_THAT(worker_.Answer("prepare S"), StartsWith("ok "));
  EXPECT_EQ(Run("run w1 0 64 1 keep packed 8 0")["padding"], 0);
  EXPECT_EQ(Run("run w2 0 64 1 keep padded 8 0")["padding"], 0);  // all alike
  EXPECT_GT(Run("run w1 0 64 1 keep padded 8 0")["padding"], 0);
  EXPECT_EQ(Run("run w1 0 64 1 keep single")["rows_a_step"], 1);
}

TEST_F(SchedulerWorkerTest, DropsWhatCannotBeInTime) {
  ASSERT_THAT(worker_.Answer("prepare M"), StartsWith("ok "));
  // All at once: the last are late long before their turn.
  for (const std::string policy : {"continuous", "single"}) {
    const json summary = Run("run w1 1e9 600 1 drop " + policy);
    EXPECT_LT(summary["ok"], 600) << policy;
  }
}

TEST_F(SchedulerWorkerTest, EveryStepOfALiveStreamHasItsOwnResult) {
  ASSERT_THAT(worker_.Answer("prepare S"), StartsWith("ok "));
  for (const std::string policy : {"continuous", "single"}) {
    EXPECT_EQ(Run("live 20 5 1 " + policy)["ok"], 100) << policy;
  }
}

TEST_F(SchedulerWorkerTest, SaysWhatIsWrongWithALine) {
  EXPECT_EQ(worker_.Answer("run w1 0 1 1 keep single"),
            "error no model is prepared");
  ASSERT_THAT(worker_.Answer("prepare Bi"), StartsWith("ok "));
  const std::pair<std::string, std::string> lines[] = {
      {"", "expected: version"},
      {"prepare XL", "model \"XL\", expected S, M, L or Bi"},
      {"run w9 0 1 1 keep single", "\"w9\", expected w1"},
      {"run 331 0 1 1 keep single", "331 steps, expected at most 330"},
      {"run w1 -1 1 1 keep single", "\"-1\", expected a number"},
      {"run w1 0 0 1 keep single", "0 sequences, expected 1 to"},
      {"run w1 0 one 1 keep single", "\"one\", expected a whole number"},
      {"run w1 0 1 1 maybe single", "\"maybe\", expected keep or drop"},
      {"run w1 0 1 1 keep cellular", "expected a policy: continuous"},
      {"run w1 0 1 1 keep packed 65 0", "65 sequences a batch"},
      {"run w1 0 1 1 keep padded 2 0", "expected a model of one direction"},
      {"live 1 1 1 single", "need a model of one direction"},
      {"live 1 331 1 single", "1 streams of 331 steps, expected 1 to"},
  };
  for (const auto& [line, message] : lines) {
    EXPECT_THAT(worker_.Answer(line),
                AllOf(StartsWith("error "), HasSubstr(message)))
        << line;
  }
}

}  // namespace
}  // namespace unroll::bench
