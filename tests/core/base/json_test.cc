#include "core/base/json.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::IsError;
using testing::IsOk;

TEST(ParseJsonTest, BuildsTheDocument) {
  const std::string text =
      R"( {"a": [1, -2, 2.5, true, null, "é\n", [], {}], "b": {"c": {}}} )";
  ASSERT_OK_AND_ASSIGN(const nlohmann::json parsed, ParseJson(text, "x.json"));
  EXPECT_EQ(parsed, nlohmann::json::parse(text));
  for (const char* scalar : {"0", "\"s\"", "null", "false", "[]", "{}"}) {
    EXPECT_THAT(ParseJson(scalar, "x.json"), IsOk()) << scalar;
  }
}

TEST(ParseJsonTest, RefusesWhatIsNotJsonAndSaysWhere) {
  struct Case {
    std::string text;
    std::string part;
  };
  const Case cases[] = {
      {"", "x.json: line 1, byte 0: "},
      {"{", "x.json: line 1, byte 1: "},
      {"{\n\"a\": 1,\n}", "line 3, byte 11: "},
      {"{} {}", "byte 4: "},
      {"[1,]", "byte 4: "},
      {"// note\n{}", "byte 1: "},
      {std::string("{}\0{", 4), "byte 2: a zero byte"},
      {"[1e999]", "number overflow"},
      {"[\"\xC0\x80\"]", "ill-formed UTF-8"},
      {"[\"\\ud800\"]", "surrogate"},
      {"[\"a\nb\"]", "control character"},
      {"[nan]", "invalid literal"},
      {"{\"a\": 1,\n \"b\": 2, \"a\": 3}",
       "line 2, byte 21: key \"a\" appears twice"},
      {"[{\"k\": {\"a\": 1, \"\\u0061\": 1}}]", "key \"a\" appears twice"},
      {"{\"a\n\": 1}", "byte 4"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ParseJson(c.text, "x.json"),
                IsError(absl::StatusCode::kInvalidArgument, c.part))
        << c.text;
  }
}

TEST(ParseJsonTest, BoundsNesting) {
  const std::string deepest(kMaxJsonDepth, '[');
  EXPECT_THAT(ParseJson(deepest + std::string(kMaxJsonDepth, ']'), "x.json"),
              IsOk());
  EXPECT_THAT(ParseJson(deepest + "[]", "x.json"),
              IsError(absl::StatusCode::kInvalidArgument, "nested deeper"));
  // As deep as a large file can be: must neither crash nor take long.
  EXPECT_THAT(ParseJson(std::string(4'000'000, '['), "x.json"),
              IsError(absl::StatusCode::kInvalidArgument, "nested deeper"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(ParseJson(objects, "x.json"),
              IsError(absl::StatusCode::kInvalidArgument, "nested deeper"));
}

TEST(ParseJsonTest, MessagesStayShortAndPrintable) {
  const std::string long_token = "[\"" + std::string(100'000, 'a') + "\x01";
  const absl::Status status = ParseJson(long_token, "x.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 400);
  const absl::Status bad = ParseJson("[\"\xFF", "x.json").status();
  for (const char c : bad.message()) {
    EXPECT_TRUE(c >= ' ' && c < 0x7F) << bad.message();
  }
}

}  // namespace
}  // namespace unroll
