#include "core/serve/backlog.h"

#include <gtest/gtest.h>

namespace unroll {
namespace {

constexpr bool kWhole = false, kIncremental = true;

TEST(BacklogTest, WholeSequencesAreAlwaysAhead) {
  Backlog backlog;
  backlog.Add(kWhole, absl::Seconds(5));
  backlog.Progress(kWhole, absl::Seconds(2));
  EXPECT_EQ(backlog.Ahead(64), absl::Seconds(3));
}

TEST(BacklogTest, SequencesThatCanBeJoinedAreAheadOnceTheyFillABatch) {
  Backlog backlog;
  backlog.Add(kIncremental, absl::Seconds(5));
  EXPECT_EQ(backlog.Ahead(2), absl::ZeroDuration());
  backlog.Add(kIncremental, absl::Seconds(4));
  EXPECT_EQ(backlog.Ahead(2), absl::Seconds(9));
  backlog.Remove(kIncremental, absl::Seconds(5));
  EXPECT_EQ(backlog.Ahead(2), absl::ZeroDuration());
  EXPECT_EQ(backlog.Ahead(1), absl::Seconds(4));
}

TEST(BacklogTest, NothingIsLeftOfRounding) {
  Backlog backlog;
  backlog.Add(kWhole, absl::Seconds(1));
  backlog.Remove(kWhole, absl::Seconds(1) - absl::Nanoseconds(1));
  EXPECT_EQ(backlog.Ahead(1), absl::ZeroDuration());
}

}  // namespace
}  // namespace unroll
