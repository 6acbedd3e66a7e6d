#include "tests/bench/scheduler/lengths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace unroll::bench {
namespace {

std::vector<int64_t> SortedLengths(Lengths lengths) {
  std::mt19937_64 random(1);
  std::vector<int64_t> drawn(100000);
  for (int64_t& length : drawn) length = DrawLength(lengths, random);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

double Mean(const std::vector<int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

int64_t Percentile99(const std::vector<int64_t>& sorted) {
  return sorted[sorted.size() * 99 / 100];
}

TEST(LengthsTest, W1IsAsTranslationSentencesAre) {
  const auto drawn = SortedLengths(Lengths::kW1);
  EXPECT_NEAR(Mean(drawn), 24, 0.3);
  EXPECT_NEAR(static_cast<double>(Percentile99(drawn)), 100, 3);
  EXPECT_GE(drawn.front(), 1);
  EXPECT_LE(drawn.back(), kLongest);
}

TEST(LengthsTest, W2IsAllTheSame) {
  const auto drawn = SortedLengths(Lengths::kW2);
  EXPECT_EQ(drawn.front(), 24);
  EXPECT_EQ(drawn.back(), 24);
}

TEST(LengthsTest, W3IsUniform) {
  const auto drawn = SortedLengths(Lengths::kW3);
  EXPECT_EQ(drawn.front(), 1);
  EXPECT_EQ(drawn.back(), 128);
  EXPECT_NEAR(Mean(drawn), 64.5, 0.5);
}

TEST(LengthsTest, W4IsShortButForATenth) {
  const auto drawn = SortedLengths(Lengths::kW4);
  const auto is_short = std::count(drawn.begin(), drawn.end(), 16);
  EXPECT_NEAR(static_cast<double>(is_short), 90000, 500);
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 256),
            std::ssize(drawn) - is_short);
}

}  // namespace
}  // namespace unroll::bench
