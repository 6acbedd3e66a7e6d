#include "core/format/strided.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>

namespace unroll {
namespace {

TEST(StridedTest, KnowsWhatIsContiguous) {
  EXPECT_TRUE(IsContiguous({}, {}));
  EXPECT_TRUE(IsContiguous({2, 3}, {3, 1}));
  EXPECT_TRUE(IsContiguous({2, 1, 3}, {3, 77, 1}));
  EXPECT_FALSE(IsContiguous({2, 3}, {1, 2}));
  EXPECT_FALSE(IsContiguous({2, 3}, {4, 1}));
  EXPECT_FALSE(IsContiguous({2}, {0}));
}

TEST(StridedTest, SpansFromTheFirstToBehindTheLastElement) {
  EXPECT_EQ(SpanOf({}, {}), 1);
  EXPECT_EQ(SpanOf({2, 3}, {3, 1}), 6);
  EXPECT_EQ(SpanOf({3, 2}, {1, 10}), 13);
  constexpr int64_t kLarge = int64_t{1} << 62;
  EXPECT_EQ(SpanOf({3, kLarge, 0}, {1, 10, 1}), 0);
  EXPECT_EQ(SpanOf({2, 2}, {kLarge, 1}), kLarge + 2);
  EXPECT_EQ(SpanOf({3, 2}, {kLarge, 1}), std::nullopt);
  EXPECT_EQ(SpanOf({2, 2}, {kLarge, kLarge}), std::nullopt);
  EXPECT_EQ(SpanOf({2}, {-1}), std::nullopt);
}

// Elements [i][j] of a transposed [3,4], each of two letters; from any element
// on, and as many as are wanted.
TEST(StridedTest, CopiesInRowMajorOrder) {
  const std::string from = "a0a1a2a3b0b1b2b3c0c1c2c3";
  const std::string want = "a0b0c0a1b1c1a2b2c2a3b3c3";
  for (int64_t first = 0; first < 12; ++first) {
    for (int64_t count = 0; first + count <= 12; ++count) {
      std::string to(count * 2, ' ');
      CopyStrided({4, 3}, {1, 4}, 2, from, first, to);
      EXPECT_EQ(to, want.substr(first * 2, count * 2));
    }
  }
}

// The stride of a dimension of one is any number.
TEST(StridedTest, OverflowsNothing) {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  std::string to(4, ' ');
  CopyStrided({2, 1, 2}, {1, kLargest, 2}, 1, std::string_view("abcd"), 0, to);
  EXPECT_EQ(to, "acbd");
}

}  // namespace
}  // namespace unroll
