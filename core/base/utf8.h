#ifndef UNROLL_CORE_BASE_UTF8_H_
#define UNROLL_CORE_BASE_UTF8_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace unroll {

struct CodePoint {
  char32_t value;
  size_t bytes;  // 1 to 4
};

// The first code point of `text`, or nothing when `text` is empty or does not
// begin with well-formed UTF-8: overlong forms, surrogates and values past
// U+10FFFF are not.
std::optional<CodePoint> DecodeUtf8(std::string_view text);

// The first byte that is not part of well-formed UTF-8, if there is one.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// Unicode's White_Space property.
bool IsWhiteSpace(char32_t code_point);

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_UTF8_H_
