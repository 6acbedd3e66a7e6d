#include "client/load/slo.h"

#include <gtest/gtest.h>

namespace unroll::client {
namespace {

LoadReport Report(int64_t fast, int64_t slow, int64_t unanswered) {
  LoadReport report;
  for (int64_t i = 0; i < fast; ++i) report.latency.Add(absl::Milliseconds(1));
  for (int64_t i = 0; i < slow; ++i) report.latency.Add(absl::Milliseconds(9));
  report.unanswered = unanswered;
  return report;
}

TEST(SloTest, APercentileBelowATime) {
  const Slo slo = Slo::Parse("p99<5ms").value();
  EXPECT_DOUBLE_EQ(slo.fraction, 0.99);
  EXPECT_EQ(slo.below, absl::Milliseconds(5));
  EXPECT_TRUE(slo.Holds(Report(99, 1, 0)));
  EXPECT_FALSE(slo.Holds(Report(98, 2, 0)));
  EXPECT_FALSE(Slo::Parse("p99<1ms").value().Holds(Report(99, 1, 0)));
  EXPECT_FALSE(Slo::Parse("max<9ms").value().Holds(Report(99, 1, 0)));
  EXPECT_TRUE(Slo::Parse("p99.9<9001us").value().Holds(Report(99, 1, 0)));
}

TEST(SloTest, WhatFailedIsSlowerThanAnyTime) {
  const Slo slo = Slo::Parse("p99<5ms").value();
  EXPECT_TRUE(slo.Holds(Report(99, 0, 1)));
  EXPECT_FALSE(slo.Holds(Report(98, 0, 2)));
  EXPECT_EQ(slo.Found(Report(98, 0, 2)), absl::InfiniteDuration());
  EXPECT_FALSE(slo.Holds(Report(0, 0, 5)));
}

TEST(SloTest, NothingHoldsOfNothing) {
  EXPECT_FALSE(Slo::Parse("p99<5ms").value().Holds(LoadReport()));
}

TEST(SloTest, OthersAreRefused) {
  for (const char* bad :
       {"", "p99", "p99<", "p99<5", "p99<0s", "p0<1s", "p101<1s", "px<1s",
        "99<1s", "mean<1s", "p99>1s", "pnan<1s"}) {
    EXPECT_FALSE(Slo::Parse(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace unroll::client
