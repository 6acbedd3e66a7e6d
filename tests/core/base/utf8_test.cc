#include "core/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/text.h"

namespace unroll {
namespace {

TEST(Utf8Test, DecodesTheEdgesOfEveryLength) {
  struct Case {
    std::string_view bytes;
    char32_t value;
  };
  const Case cases[] = {
      {std::string_view("\0", 1), 0x0},
      {"\x7F", 0x7F},
      {"\xC2\x80", 0x80},
      {"\xDF\xBF", 0x7FF},
      {"\xE0\xA0\x80", 0x800},
      {"\xED\x9F\xBF", 0xD7FF},
      {"\xEE\x80\x80", 0xE000},
      {"\xEF\xBF\xBF", 0xFFFF},
      {"\xF0\x90\x80\x80", 0x10000},
      {"\xF4\x8F\xBF\xBF", 0x10FFFF},
  };
  for (const Case& c : cases) {
    const auto code_point = DecodeUtf8(std::string(c.bytes) + "x");
    ASSERT_TRUE(code_point) << std::hex << uint32_t{c.value};
    EXPECT_EQ(code_point->value, c.value);
    EXPECT_EQ(code_point->bytes, c.bytes.size());
  }
}

TEST(Utf8Test, RefusesHostileForms) {
  const std::string_view cases[] = {
      "\x80",              // a continuation first
      "\xC0\x80",          // overlong zero
      "\xC1\xBF",          // overlong
      "\xE0\x9F\xBF",      // overlong
      "\xF0\x8F\xBF\xBF",  // overlong
      "\xED\xA0\x80",      // surrogate
      "\xED\xBF\xBF",      // surrogate
      "\xF4\x90\x80\x80",  // past U+10FFFF
      "\xF8\x88\x80\x80\x80",
      "\xFE",
      "\xFF",
      "\xC2",          // cut short
      "\xE2\x82",      // cut short
      "\xF0\x9F\x98",  // cut short
      "\xC2x",
      "",
  };
  for (const std::string_view bytes : cases) {
    EXPECT_FALSE(DecodeUtf8(bytes)) << Quoted(bytes);
  }
}

TEST(Utf8Test, FindsTheFirstBadByte) {
  EXPECT_EQ(FindInvalidUtf8(""), std::nullopt);
  EXPECT_EQ(FindInvalidUtf8("aé€😀"), std::nullopt);
  EXPECT_EQ(FindInvalidUtf8("aé\xFFz"), 3u);
  EXPECT_EQ(FindInvalidUtf8("ab\xE2\x82"), 2u);
}

TEST(Utf8Test, KnowsUnicodeWhiteSpace) {
  int count = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) count += IsWhiteSpace(c);
  EXPECT_EQ(count, 25);  // as many as the Unicode database lists
  for (const char32_t c : {0x9, 0xD, 0x20, 0x85, 0xA0, 0x2003, 0x3000}) {
    EXPECT_TRUE(IsWhiteSpace(c)) << uint32_t{c};
  }
  for (const char32_t c : {0x200B, 0xFEFF, 0x61, 0x180E, 0x1F}) {
    EXPECT_FALSE(IsWhiteSpace(c)) << uint32_t{c};
  }
}

TEST(TextTest, QuotesWhateverComes) {
  EXPECT_EQ(Quoted("rnn.weight"), "\"rnn.weight\"");
  EXPECT_EQ(Quoted("é"), "\"é\"");
  EXPECT_EQ(Quoted("a\nb\"\xFF"), "\"a\\nb\"\\xff\"");
  EXPECT_EQ(Quoted(std::string(1000, 'a')),
            absl::StrCat("\"", std::string(100, 'a'), "...\""));
  // 100 bytes would cut the 34th euro sign in two.
  std::string euros;
  for (int i = 0; i < 50; ++i) euros += "€";
  EXPECT_EQ(Quoted(euros), absl::StrCat("\"", euros.substr(0, 99), "...\""));
}

TEST(TextTest, ListsAFewAndCountsTheRest) {
  EXPECT_EQ(ListForMessage({"a", "b"}), "a, b");
  EXPECT_EQ(ListForMessage(std::vector<std::string>(12, "x")),
            "x, x, x, x, x, x, x, x, x, x and 2 more");
}

}  // namespace
}  // namespace unroll
