#include "client/load/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace unroll::client {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kMany = 200'000;

// Sorted.
std::vector<int64_t> Draw(const std::string& lengths) {
  std::vector<int64_t> steps;
  for (const Work& work :
       DrawWork(kMany, Lengths::Parse(lengths).value(), /*seed=*/1)) {
    steps.push_back(work.steps);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

double Mean(const std::vector<int64_t>& steps) {
  double sum = 0;
  for (int64_t count : steps) sum += static_cast<double>(count);
  return sum / static_cast<double>(steps.size());
}

TEST(LengthsTest, W1AreSentencesOf24OnAverageAndOneInAHundredOf100) {
  const std::vector<int64_t> steps = Draw("w1");
  EXPECT_NEAR(Mean(steps), 24, 0.3);
  EXPECT_NEAR(static_cast<double>(steps[kMany * 99 / 100]), 100, 3);
  EXPECT_NEAR(static_cast<double>(steps[kMany / 2]), std::exp(2.914), 1);
  EXPECT_GE(steps.front(), 1);
  EXPECT_LE(steps.back(), 330);
}

TEST(LengthsTest, W2AndNumbersAreAllAlike) {
  EXPECT_EQ(Draw("w2").front(), 24);
  EXPECT_EQ(Draw("w2").back(), 24);
  EXPECT_EQ(Draw("7").front(), 7);
  EXPECT_EQ(Draw("7").back(), 7);
}

TEST(LengthsTest, W3IsEvenFrom1To128) {
  const std::vector<int64_t> steps = Draw("w3");
  EXPECT_EQ(steps.front(), 1);
  EXPECT_EQ(steps.back(), 128);
  EXPECT_NEAR(Mean(steps), 64.5, 0.5);
  EXPECT_NEAR(static_cast<double>(steps[kMany / 4]), 32, 1);
}

TEST(LengthsTest, W4IsNineTimes16AndOnce256) {
  const std::vector<int64_t> steps = Draw("w4");
  EXPECT_EQ(steps.front(), 16);
  EXPECT_EQ(steps.back(), 256);
  const auto long_ones = std::count(steps.begin(), steps.end(), 256);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), 16) + long_ones, kMany);
  EXPECT_NEAR(static_cast<double>(long_ones), kMany / 10.0, kMany / 200.0);
}

TEST(LengthsTest, OthersAreRefused) {
  for (const char* bad : {"", "w5", "W1", "0", "-3", "2.5", "many"}) {
    EXPECT_FALSE(Lengths::Parse(bad).ok()) << bad;
  }
}

TEST(ScheduleTest, PoissonArrivalsHaveTheirRateAndExponentialGaps) {
  const auto times =
      DrawArrivals({.rate = 1000}, absl::Seconds(100), /*seed=*/1);
  EXPECT_NEAR(static_cast<double>(times.size()), 100'000, 1500);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_LT(times.back(), absl::Seconds(100));
  // Of an exponential distribution 1/e are longer than the mean.
  int64_t longer = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    longer += times[i] - times[i - 1] > absl::Milliseconds(1) ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(longer) / static_cast<double>(times.size()),
              std::exp(-1), 0.01);
}

TEST(ScheduleTest, FixedArrivalsKeepTheirDistance) {
  EXPECT_THAT(DrawArrivals({.rate = 4, .poisson = false}, absl::Seconds(1), 1),
              ElementsAre(absl::ZeroDuration(), absl::Milliseconds(250),
                          absl::Milliseconds(500), absl::Milliseconds(750)));
}

TEST(ScheduleTest, PhasesFillTheInterval) {
  const auto phases = DrawPhases(1000, absl::Milliseconds(10), /*seed=*/1);
  EXPECT_EQ(phases.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(phases.begin(), phases.end()));
  EXPECT_LT(phases.front(), absl::Milliseconds(1));
  EXPECT_GT(phases.back(), absl::Milliseconds(9));
  EXPECT_LT(phases.back(), absl::Milliseconds(10));
}

TEST(ScheduleTest, ASeedSaysItAll) {
  const Lengths lengths = Lengths::Parse("w1").value();
  const auto same = [&](uint64_t a, uint64_t b) {
    const std::vector<Work> one = DrawWork(100, lengths, a);
    const std::vector<Work> other = DrawWork(100, lengths, b);
    return std::equal(one.begin(), one.end(), other.begin(),
                      [](const Work& x, const Work& y) {
                        return x.steps == y.steps && x.input == y.input;
                      }) &&
           DrawArrivals({.rate = 100}, absl::Seconds(1), a) ==
               DrawArrivals({.rate = 100}, absl::Seconds(1), b);
  };
  EXPECT_TRUE(same(5, 5));
  EXPECT_FALSE(same(5, 6));
}

// So that a longer run begins as a shorter one does.
TEST(ScheduleTest, MoreOfItBeginsWithTheSame) {
  const auto shorter = DrawArrivals({.rate = 100}, absl::Seconds(1), 3);
  auto longer = DrawArrivals({.rate = 100}, absl::Seconds(2), 3);
  ASSERT_GT(longer.size(), shorter.size());
  longer.resize(shorter.size());
  EXPECT_EQ(longer, shorter);
}

}  // namespace
}  // namespace unroll::client
