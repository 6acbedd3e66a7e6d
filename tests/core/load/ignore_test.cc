#include "core/load/ignore.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::IsError;

TEST(GlobMatchesTest, FollowsStarsAndQuestionMarks) {
  struct Case {
    std::string_view pattern, text;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"a.b", "a.b", true},
      {"a.b", "aXb", false},
      {"*", "", true},
      {"*", "a.b.c", true},
      {"fc*", "fc1.weight", true},
      {"fc*", "rnn.fc1", false},
      {"*.bias", "a.b.bias", true},
      {"*.bias", "a.bias_ih", false},
      {"*b*d", "abcbd", true},
      {"*b*d", "abcbde", false},
      {"?", "a", true},
      {"?", "", false},
      {"?", "ab", false},
      {"fc?.weight", "fc1.weight", true},
      {"a**b", "ab", true},
      {"[a]", "a", false},
      {"[a]", "[a]", true},
      {"*?", "a", true},
      {"*a?c*", "xxabac", false},
      {"*a?c*", "xxabbadc", true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(GlobMatches(c.pattern, c.text), c.matches)
        << c.pattern << " " << c.text;
  }
}

TEST(GlobMatchesTest, ManyStarsDoNotTakeForEver) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  EXPECT_FALSE(GlobMatches(pattern + "b", std::string(10'000, 'a')));
}

TEST(SplitIgnoredTest, PartsWhatMatchesFromTheRest) {
  ASSERT_OK_AND_ASSIGN(const SplitTensors split,
                       SplitIgnored({{"a.x", {1}}, {"b.x", {2}}, {"b.y", {3}}},
                                    {"b.*", "*.y"}, "config.json"));
  ASSERT_EQ(split.kept.size(), 1);
  EXPECT_EQ(Describe(split.kept[0]), "\"a.x\" [1]");
  EXPECT_EQ(split.ignored.size(), 2);
}

TEST(SplitIgnoredTest, RefusesAPatternThatMatchesNothing) {
  EXPECT_THAT(
      SplitIgnored({{"a.x", {1}}}, {"a.*", "aux.*"}, "config.json"),
      IsError(absl::StatusCode::kInvalidArgument,
              "config.json: \"ignore\": pattern \"aux.*\" matches no tensor"));
}

}  // namespace
}  // namespace unroll
