#include "core/base/utf8.h"

#include <cstdint>

namespace unroll {
namespace {

// How a code point of some length begins, and the least value that needs it.
struct Form {
  uint8_t mask;
  uint8_t lead;
  char32_t least;
};
constexpr Form kForms[] = {{0x80, 0x00, 0x0},
                           {0xE0, 0xC0, 0x80},
                           {0xF0, 0xE0, 0x800},
                           {0xF8, 0xF0, 0x10000}};

}  // namespace

std::optional<CodePoint> DecodeUtf8(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const uint8_t first = static_cast<uint8_t>(text[0]);
  size_t bytes = 1;
  for (const Form& form : kForms) {
    if ((first & form.mask) != form.lead) {
      ++bytes;
      continue;
    }
    if (text.size() < bytes) return std::nullopt;
    char32_t value = first & static_cast<uint8_t>(~form.mask);
    for (size_t i = 1; i < bytes; ++i) {
      const uint8_t next = static_cast<uint8_t>(text[i]);
      if ((next & 0xC0) != 0x80) return std::nullopt;
      value = value << 6 | (next & 0x3F);
    }
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < form.least || surrogate || value > 0x10FFFF) {
      return std::nullopt;
    }
    return CodePoint{value, bytes};
  }
  return std::nullopt;
}

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto code_point = DecodeUtf8(text.substr(at));
    if (!code_point) return at;
    at += code_point->bytes;
  }
  return std::nullopt;
}

bool IsWhiteSpace(char32_t code_point) {
  return (code_point >= 0x09 && code_point <= 0x0D) || code_point == 0x20 ||
         code_point == 0x85 || code_point == 0xA0 || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x200A) ||
         code_point == 0x2028 || code_point == 0x2029 || code_point == 0x202F ||
         code_point == 0x205F || code_point == 0x3000;
}

}  // namespace unroll
