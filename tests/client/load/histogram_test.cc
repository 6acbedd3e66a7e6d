#include "client/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace unroll::client {
namespace {

TEST(HistogramTest, OfNothingAllIsZero) {
  const Histogram none;
  EXPECT_EQ(none.Percentile(0.99), absl::ZeroDuration());
  EXPECT_EQ(none.max(), absl::ZeroDuration());
  EXPECT_EQ(none.mean(), absl::ZeroDuration());
}

TEST(HistogramTest, TheNearestRankOfAFew) {
  Histogram times;
  for (int i = 10; i >= 1; --i) times.Add(absl::Nanoseconds(i));
  EXPECT_EQ(times.Percentile(0.5), absl::Nanoseconds(5));
  EXPECT_EQ(times.Percentile(0.9), absl::Nanoseconds(9));
  EXPECT_EQ(times.Percentile(0.91), absl::Nanoseconds(10));
  EXPECT_EQ(times.Percentile(1), absl::Nanoseconds(10));
  EXPECT_EQ(times.mean(), absl::Nanoseconds(5.5));
  EXPECT_EQ(times.count(), 10);
}

// Over eleven powers of ten, against sorting.
TEST(HistogramTest, PercentilesAreAtMostEightInAThousandTooHigh) {
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> exponent(0, 11);
  std::vector<int64_t> all;
  Histogram times;
  for (int i = 0; i < 100'000; ++i) {
    all.push_back(std::llround(std::pow(10, exponent(generator))));
    times.Add(absl::Nanoseconds(all.back()));
  }
  std::sort(all.begin(), all.end());
  for (const double fraction : {0.0001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999}) {
    const auto exact = static_cast<double>(
        all[std::llround(fraction * static_cast<double>(all.size())) - 1]);
    const auto got = static_cast<double>(
        absl::ToInt64Nanoseconds(times.Percentile(fraction)));
    EXPECT_GE(got, exact) << fraction;
    EXPECT_LE(got, exact * 1.008) << fraction;
  }
  EXPECT_EQ(times.Percentile(1), absl::Nanoseconds(all.back()));
  EXPECT_EQ(times.max(), absl::Nanoseconds(all.back()));
}

TEST(HistogramTest, WhatNeverCameIsSlowerThanAll) {
  Histogram times;
  for (int i = 0; i < 98; ++i) times.Add(absl::Milliseconds(1));
  EXPECT_EQ(times.Percentile(0.98, /*missing=*/2), absl::Milliseconds(1));
  EXPECT_EQ(times.Percentile(0.99, /*missing=*/2), absl::InfiniteDuration());
}

TEST(HistogramTest, TakesAnyDuration) {
  Histogram times;
  times.Add(-absl::Seconds(1));
  times.Add(absl::Hours(1000));
  EXPECT_EQ(times.Percentile(0.5), absl::ZeroDuration());
  EXPECT_EQ(times.Percentile(1), absl::Hours(1000));
}

}  // namespace
}  // namespace unroll::client
