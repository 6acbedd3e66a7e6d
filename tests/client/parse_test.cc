#include "client/command/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "client/array.h"
#include "client/command/json.h"

namespace unroll::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseTest, Timeouts) {
  EXPECT_EQ(ParseTimeout("500ms").value(), absl::Milliseconds(500));
  EXPECT_EQ(ParseTimeout("1m30s").value(), absl::Seconds(90));
  EXPECT_EQ(ParseTimeout("inf").value(), absl::InfiniteDuration());
  for (const char* bad : {"", "5", "0s", "-1s", "soon"}) {
    EXPECT_FALSE(ParseTimeout(bad).ok()) << bad;
  }
}

TEST(ParseTest, Steps) {
  v1::Outputs all, last, some;
  EXPECT_TRUE(ParseSteps("all", all).ok());
  EXPECT_TRUE(all.has_all());
  EXPECT_TRUE(ParseSteps("last", last).ok());
  EXPECT_TRUE(last.has_last());
  EXPECT_TRUE(ParseSteps("0,3,7", some).ok());
  EXPECT_THAT(some.indices().indices(), ElementsAre(0, 3, 7));
  for (const char* bad : {"", "first", "1,", "3,1", "2,2", "-1", "1.5"}) {
    v1::Outputs outputs;
    EXPECT_FALSE(ParseSteps(bad, outputs).ok()) << bad;
  }
}

TEST(ParseTest, Results) {
  v1::Outputs outputs;
  EXPECT_TRUE(ParseResults("h_n,scores", outputs).ok());
  EXPECT_THAT(outputs.results(), ElementsAre(v1::FINAL_STATE, v1::SCORES));
  EXPECT_THAT(std::string(ParseResults("output", outputs).message()),
              HasSubstr("\"output\", expected some of hidden,h_n,scores"));
}

TEST(ParseTest, ACandidateIsALabelBeforeItIsANumber) {
  v1::Head digits;
  digits.add_labels("9");
  EXPECT_EQ(ToCandidate("9", digits).label(), "9");
  EXPECT_EQ(ToCandidate("8", digits).class_(), 8);
  EXPECT_EQ(ToCandidate("eight", digits).label(), "eight");
  EXPECT_THAT(ParseList("a,b").value(), ElementsAre("a", "b"));
  EXPECT_FALSE(ParseList("a,,b").ok());
}

TEST(ParseTest, TokenIds) {
  EXPECT_THAT(ParseTokenIds(" 3 17\t-4").value(), ElementsAre(3, 17, -4));
  for (const char* bad : {"", "  ", "3 x", "1.5", "99999999999999999999"}) {
    EXPECT_FALSE(ParseTokenIds(bad).ok()) << bad;
  }
}

TEST(ParseTest, Rows) {
  const Array rows =
      ToArray(ParseRows("[[0.1, -2], [3e2, 4]]").value()).value();
  EXPECT_THAT(rows.shape, ElementsAre(2, 2));
  EXPECT_THAT(rows.values, ElementsAre(0.1f, -2, 300, 4));
  for (const char* bad : {"", "[]", "1", "[1, 2]", "[[1], [1, 2]]", "[[null]]",
                          "[[1]", "[[\"1\"]]", "{}", "[[[[[[[[["}) {
    EXPECT_FALSE(ParseRows(bad).ok()) << bad;
  }
  EXPECT_THAT(std::string(ParseRows("[1, 2, 3]").status().message()),
              HasSubstr("expected a JSON array of rows of numbers"));
  EXPECT_THAT(std::string(ParseRows("[[0, 1], [2, -1e39]]").status().message()),
              HasSubstr("row 1, number 1 is -1e+39, past float32's range"));
  EXPECT_THAT(ToArray(ParseRows("[[3.4028234e38, 1e-60]]").value())->values,
              ElementsAre(std::numeric_limits<float>::max(), 0));
}

TEST(JsonTest, NumbersComeBackAsTheSameFloat32) {
  for (uint32_t bits = 0x00000001; bits < 0x7f800000; bits += 0x0012d687) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    const std::string line = ToLine(Json(value));
    EXPECT_EQ(Json::parse(line).get<float>(), value) << line;
  }
  EXPECT_EQ(ToLine(Json(0.1f)), "0.1\n");
  EXPECT_EQ(ToLine(Json(std::numeric_limits<float>::infinity())), "null\n");
}

TEST(JsonTest, TensorsBecomeArraysOfTheirShape) {
  EXPECT_EQ(ToLine(ToJson(ToTensor({{2, 2}, {1, 2, 3, 4.5f}})).value()),
            "[[1.0,2.0],[3.0,4.5]]\n");
  EXPECT_EQ(ToLine(ToJson(ToTensor({{0, 3}, {}})).value()), "[]\n");
  v1::Tensor broken = ToTensor({{2}, {1, 2}});
  broken.set_shape(0, 3);
  EXPECT_EQ(ToJson(broken).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(JsonTest, TextThatIsNotUtf8DoesNotBreakTheLine) {
  EXPECT_EQ(ToLine(Json("a\xff")), "\"a\xef\xbf\xbd\"\n");
}

}  // namespace
}  // namespace unroll::client
