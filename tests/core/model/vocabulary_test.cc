#include "core/model/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/model/token_lines.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsError;
using testing::IsOk;

absl::StatusOr<Vocabulary> Parse(std::string_view text,
                                 const Vocabulary::Options& options = {}) {
  return Vocabulary::Parse(text, options, "vocab.txt");
}

TEST(VocabularyTest, TakesATokenALineAndTrimsNothing) {
  ASSERT_OK_AND_ASSIGN(const Vocabulary vocabulary,
                       Parse(" a\n\\n\n\\t\n\\\\\n \nA\n\\\\n\nd "));
  EXPECT_THAT(vocabulary.tokens(),
              ElementsAre(" a", "\n", "\t", "\\", " ", "A", "\\n", "d "));
  EXPECT_EQ(vocabulary.Find("A"), 5);
  EXPECT_EQ(vocabulary.Find("a"), std::nullopt);
  EXPECT_EQ(vocabulary.token(1), "\n");
}

TEST(VocabularyTest, AFinalNewlineEndsTheLastLine) {
  EXPECT_EQ(Parse("a\nb")->size(), 2);
  EXPECT_EQ(Parse("a\nb\n")->size(), 2);
  EXPECT_EQ(CountTokenLines(""), 0);
  EXPECT_EQ(CountTokenLines("a"), 1);
  EXPECT_EQ(CountTokenLines("a\n"), 1);
  EXPECT_EQ(CountTokenLines("a\n\n"), 2);
}

TEST(VocabularyTest, RefusesBadFilesByLine) {
  struct Case {
    std::string text;
    std::string part;
  };
  const Case cases[] = {
      {"", "vocab.txt: empty"},
      {"\n", "vocab.txt: line 1: empty"},
      {"a\n\nb\n", "line 2: empty"},
      {"a\nb\na\n", "line 3: \"a\" repeats line 1"},
      {"\\\\\n\\\\\n", "line 2: \"\\\" repeats line 1"},
      {"a\nb\\r\n", "line 2: unknown escape in \"b\\r\""},
      {"a\\", "line 1: unknown escape"},
      {"a\nb\xC0\x80\n", "line 2: byte 1 of the line is not UTF-8"},
      {"\xED\xA0\x80", "line 1: byte 0 of the line is not UTF-8"},
      {"a\r\nb\r\n", "\\r\\n"},
      {"\xEF\xBB\xBF"
       "a\nb\n",
       "line 1 begins with a byte order mark"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Parse(c.text),
                IsError(absl::StatusCode::kInvalidArgument, c.part))
        << c.text;
  }
}

TEST(VocabularyTest, ALoneMarkOrCarriageReturnMayBeAToken) {
  ASSERT_OK_AND_ASSIGN(const Vocabulary vocabulary, Parse("\uFEFF\n\r\nb\n"));
  EXPECT_EQ(vocabulary.Find("\uFEFF"), 0);
  EXPECT_EQ(vocabulary.Find("\r"), 1);
}

TEST(VocabularyTest, SpecialTokensMustBeInIt) {
  EXPECT_THAT(Parse("a\nb", {.unknown_token = "<unk>"}),
              IsError(absl::StatusCode::kInvalidArgument,
                      "unknown_token \"<unk>\" is not one of the 2 tokens"));
  EXPECT_THAT(Parse("a\nb", {.blank_token = "_"}),
              IsError(absl::StatusCode::kInvalidArgument,
                      "blank_token \"_\" is not one of the 2 tokens"));
}

TEST(VocabularyTest, WordsEndAtUnicodeWhiteSpace) {
  ASSERT_OK_AND_ASSIGN(const Vocabulary vocabulary, Parse("a\nbc\né\n"));
  EXPECT_THAT(*vocabulary.Encode("a bc"), ElementsAre(0, 1));
  EXPECT_THAT(*vocabulary.Encode("  a\t\nbc\u00A0é\u3000a\u2028 "),
              ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(*vocabulary.Encode(""), IsEmpty());
  EXPECT_THAT(*vocabulary.Encode(" \u2003 "), IsEmpty());
}

TEST(VocabularyTest, CharactersAreCodePoints) {
  ASSERT_OK_AND_ASSIGN(
      const Vocabulary vocabulary,
      Parse("a\n \né\n😀\n\\n\n", {.tokenizer = Tokenizer::kCharacters}));
  EXPECT_THAT(*vocabulary.Encode("é a😀\n"), ElementsAre(2, 1, 0, 3, 4));
}

TEST(VocabularyTest, ATokenOutsideItIsUnknownOrRefusedByName) {
  ASSERT_OK_AND_ASSIGN(const Vocabulary strict, Parse("a\nb\n"));
  EXPECT_THAT(strict.Encode("a b  Zoë"),
              IsError(absl::StatusCode::kInvalidArgument,
                      "token 2 at byte 5, \"Zoë\", is not in the vocabulary"));
  ASSERT_OK_AND_ASSIGN(const Vocabulary lenient,
                       Parse("a\n<unk>\n", {.unknown_token = "<unk>"}));
  EXPECT_THAT(*lenient.Encode("zoe a"), ElementsAre(1, 0));
}

TEST(VocabularyTest, BracketsStandForTheBlankToken) {
  ASSERT_OK_AND_ASSIGN(const Vocabulary words,
                       Parse("a\n_\n", {.blank_token = "_"}));
  EXPECT_THAT(*words.Encode("a [ ] a"), ElementsAre(0, 1, 0));
  EXPECT_THAT(*words.Encode("a[ ]a[ ]"), ElementsAre(0, 1, 0, 1));
  ASSERT_OK_AND_ASSIGN(
      const Vocabulary characters,
      Parse("a\n_\n[\n \n]\n",
            {.tokenizer = Tokenizer::kCharacters, .blank_token = "_"}));
  EXPECT_THAT(*characters.Encode("[ ]a[a ][ "),
              ElementsAre(1, 0, 2, 0, 3, 4, 2, 3));
  ASSERT_OK_AND_ASSIGN(const Vocabulary none, Parse("a\n[\n]\n"));
  EXPECT_THAT(*none.Encode("a [ ]"), ElementsAre(0, 1, 2));
}

TEST(VocabularyTest, RefusesBadUtf8InTextWithItsByte) {
  for (const Tokenizer tokenizer :
       {Tokenizer::kWords, Tokenizer::kCharacters}) {
    ASSERT_OK_AND_ASSIGN(const Vocabulary vocabulary,
                         Parse("a\n<unk>\n", {.tokenizer = tokenizer,
                                              .unknown_token = "<unk>"}));
    for (const char* bad : {"aa\xC0\x80", "aa\xED\xA0\x80",
                            "aa\xF4\x90\x80\x80", "aa\xE2\x82", "aa\xFF"}) {
      EXPECT_THAT(
          vocabulary.Encode(bad),
          IsError(absl::StatusCode::kInvalidArgument, "byte 2 is not UTF-8"))
          << bad;
    }
  }
}

}  // namespace
}  // namespace unroll
