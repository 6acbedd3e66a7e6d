#include "core/rnn/packed_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace unroll {
namespace {

using ::testing::ElementsAre;

std::vector<int64_t> BatchSizes(const PackedLayout& layout) {
  std::vector<int64_t> sizes;
  for (int64_t t = 0; t < layout.steps(); ++t) {
    sizes.push_back(layout.batch_size(t));
  }
  return sizes;
}

std::vector<int64_t> Order(const PackedLayout& layout) {
  std::vector<int64_t> order;
  for (int64_t slot = 0; slot < layout.sequences(); ++slot) {
    order.push_back(layout.sequence(slot));
  }
  return order;
}

TEST(PackedLayoutTest, SortsByLengthAndHasNoPadding) {
  PackedLayout layout;
  layout.Reset(std::vector<int64_t>{2, 4, 1});
  EXPECT_THAT(Order(layout), ElementsAre(1, 0, 2));
  EXPECT_THAT(BatchSizes(layout), ElementsAre(3, 2, 1, 1));
  EXPECT_EQ(layout.rows(), 7);
  EXPECT_EQ(layout.row(0, 3), 6);
  EXPECT_EQ(layout.row(1, 1), 4);
}

TEST(PackedLayoutTest, KeepsTheOrderOfEqualLengths) {
  PackedLayout layout;
  layout.Reset(std::vector<int64_t>{3, 3, 5, 3});
  EXPECT_THAT(Order(layout), ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(BatchSizes(layout), ElementsAre(4, 4, 4, 1, 1));
}

TEST(PackedLayoutTest, CanBeReset) {
  PackedLayout layout;
  layout.Reset(std::vector<int64_t>{9, 9, 9});
  layout.Reset(std::vector<int64_t>{1});
  EXPECT_EQ(layout.sequences(), 1);
  EXPECT_EQ(layout.steps(), 1);
  EXPECT_EQ(layout.rows(), 1);
}

}  // namespace
}  // namespace unroll
