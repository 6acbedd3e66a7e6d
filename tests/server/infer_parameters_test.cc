#include "server/infer_parameters.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace unroll::server {
namespace {

InferParameterMap One(
    const std::string& name,
    const std::function<void(inference::InferParameter&)>& set) {
  InferParameterMap parameters;
  set(parameters[name]);
  return parameters;
}

int Priority(uint64_t level) {
  const auto read = ReadInferParameters(
      One("priority", [&](auto& p) { p.set_uint64_param(level); }));
  EXPECT_TRUE(read.ok()) << read.status();
  return read->priority;
}

TEST(InferParametersTest, WithoutAnyAreTheDefaults) {
  const auto read = ReadInferParameters({});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->sequence_id, "");
  EXPECT_EQ(read->priority, 0);
  EXPECT_EQ(read->timeout, absl::InfiniteDuration());
  EXPECT_FALSE(read->stepwise);
}

TEST(InferParametersTest, ThePriorityOfTheCallersScaleIsTheSchedulers) {
  EXPECT_EQ(Priority(0), 0) << "the default";
  EXPECT_EQ(Priority(1), kHighestPriority);
  EXPECT_EQ(Priority(11), 0);
  EXPECT_EQ(Priority(21), kLowestPriority);
}

TEST(InferParametersTest, IdsOfNumbersAndTextsNeverMeet) {
  const auto id = [](const auto& set) {
    const auto read = ReadSequenceId(One("sequence_id", set));
    EXPECT_TRUE(read.ok()) << read.status();
    return *read;
  };
  EXPECT_EQ(id([](auto& p) { p.set_int64_param(0); }), "");
  EXPECT_EQ(id([](auto& p) { p.set_string_param(""); }), "");
  EXPECT_EQ(id([](auto& p) { p.set_int64_param(7); }), "7");
  EXPECT_EQ(id([](auto& p) { p.set_string_param("7"); }), "\"7\"");
  // What clients that count from 0 to 2^64 - 1 make of the largest.
  EXPECT_EQ(id([](auto& p) { p.set_int64_param(-1); }), "-1");
}

TEST(InferParametersTest, ATimeoutIsInMicrosecondsAndZeroIsNone) {
  const auto timeout = [](int64_t us) {
    return ReadInferParameters(
               One("timeout", [&](auto& p) { p.set_int64_param(us); }))
        ->timeout;
  };
  EXPECT_EQ(timeout(1500), absl::Microseconds(1500));
  EXPECT_EQ(timeout(0), absl::InfiniteDuration());
  EXPECT_GT(timeout(std::numeric_limits<int64_t>::max()), absl::Hours(1e6));
}

TEST(InferParametersTest, WhatIsNotKnownIsNotHeededButForTriton) {
  const auto set = [](auto& p) { p.set_string_param("x"); };
  EXPECT_TRUE(ReadInferParameters(One("custom", set)).ok());
  EXPECT_FALSE(ReadInferParameters(One("triton_custom", set)).ok());
}

TEST(InferParametersTest, AVersionIsAWholeNumberAboveZeroOrNone) {
  EXPECT_EQ(*ReadVersion(""), 0);
  EXPECT_EQ(*ReadVersion("12"), 12);
  for (const char* bad : {"0", "-1", "1.0", "v1", "9223372036854775808"}) {
    EXPECT_FALSE(ReadVersion(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace unroll::server
