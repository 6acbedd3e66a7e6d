#include "core/serve/state_keys.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using unroll::testing::IsError;
using unroll::testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

std::string Line(char fill, size_t bytes = 32) {
  return absl::Base64Escape(std::string(bytes, fill));
}

StateKeys Keys(const std::string& text) {
  return *StateKeys::Parse(text, "keys");
}

TEST(StateKeysTest, WhatOneSignedItVerifies) {
  const StateKeys keys = Keys(Line('a'));
  for (const std::string& body :
       {std::string(), std::string("state"), std::string(100000, '\0')}) {
    ASSERT_OK_AND_ASSIGN(const std::string token, keys.Sign(body));
    EXPECT_EQ(token.size(), body.size() + StateKeys::kOverhead);
    ASSERT_OK_AND_ASSIGN(const std::string_view got, keys.Verify(token));
    EXPECT_EQ(got, body);
  }
}

TEST(StateKeysTest, AnyChangeOfAnyByteIsRefused) {
  const StateKeys keys = Keys(Line('a'));
  ASSERT_OK_AND_ASSIGN(const std::string token, keys.Sign("some state"));
  for (size_t i = 0; i < token.size(); ++i) {
    for (int change = 1; change < 256; ++change) {
      std::string changed = token;
      changed[i] = static_cast<char>(changed[i] ^ change);
      EXPECT_FALSE(keys.Verify(changed).ok()) << i << " ^ " << change;
    }
  }
  std::string changed = token;
  changed[25] ^= 1;
  EXPECT_THAT(keys.Verify(changed), IsError(kInvalid, "changed since it was"));
}

TEST(StateKeysTest, EveryLengthButItsOwnIsRefused) {
  const StateKeys keys = Keys(Line('a'));
  ASSERT_OK_AND_ASSIGN(const std::string token, keys.Sign("some state"));
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_THAT(keys.Verify(std::string_view(token).substr(0, size)),
                IsError(kInvalid, absl::StrCat("cut short: ", size, " bytes")));
  }
  EXPECT_THAT(keys.Verify(token + "x"),
              IsError(kInvalid, "63 bytes, expected 62: something was added"));
  EXPECT_THAT(keys.Verify("h_n.npy"), IsError(kInvalid, "not a state token"));
}

TEST(StateKeysTest, ANewerFormatAndAnUnknownKeyMayBeAnotherServers) {
  const StateKeys keys = Keys(Line('a'));
  ASSERT_OK_AND_ASSIGN(std::string token, keys.Sign("some state"));
  EXPECT_THAT(Keys(Line('b')).Verify(token),
              IsError(kPrecondition, "a key that this server does not have"));
  token[4] = 2;
  EXPECT_THAT(keys.Verify(token),
              IsError(kPrecondition,
                      "of format 2, this server knows 1: a newer server"));
}

TEST(StateKeysTest, TheFirstSignsAndAllVerify) {
  const StateKeys old_key = Keys(Line('o'));
  const StateKeys both = Keys(absl::StrCat(Line('n'), "\n", Line('o')));
  const StateKeys new_key = Keys(Line('n'));
  ASSERT_OK_AND_ASSIGN(const std::string before, old_key.Sign("state"));
  EXPECT_THAT(both.Verify(before), IsOk());
  EXPECT_THAT(new_key.Verify(before), IsError(kPrecondition, "a key that"));
  ASSERT_OK_AND_ASSIGN(const std::string after, both.Sign("state"));
  EXPECT_THAT(new_key.Verify(after), IsOk());
  EXPECT_THAT(old_key.Verify(after), IsError(kPrecondition, "a key that"));
}

TEST(StateKeysTest, RandomKeysAreNeverTheSame) {
  ASSERT_OK_AND_ASSIGN(const StateKeys one, StateKeys::Random());
  ASSERT_OK_AND_ASSIGN(const StateKeys other, StateKeys::Random());
  ASSERT_OK_AND_ASSIGN(const std::string token, one.Sign("state"));
  EXPECT_THAT(one.Verify(token), IsOk());
  EXPECT_THAT(other.Verify(token), IsError(kPrecondition, "a key that"));
}

TEST(StateKeysTest, AFileMayHaveCommentsAndEmptyLines) {
  const StateKeys keys = Keys(absl::StrCat("# made in May\r\n\n  ", Line('a'),
                                           " \r\n", Line('b', 1024)));
  EXPECT_EQ(keys.count(), 2);
}

TEST(StateKeysTest, ABadFileIsRefusedByLineAndTellsNoKey) {
  const std::string good = Line('a');
  for (const auto& [text, message] : {
           std::pair<std::string, std::string>{"", "keys: no key"},
           {"# nothing\n", "keys: no key"},
           {good + "\nsecret!", "keys: line 2: not base64"},
           {Line('a', 31), "line 1: a key of 31 bytes, expected 32 to 1024"},
           {Line('a', 1025), "line 1: a key of 1025 bytes"},
       }) {
    const auto keys = StateKeys::Parse(text, "keys");
    EXPECT_THAT(keys, IsError(kInvalid, message));
    EXPECT_THAT(std::string(keys.status().message()), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace unroll
