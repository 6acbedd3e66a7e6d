#include "client/command/text.h"

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace unroll::client {
namespace {

// The length of the code point that `text` begins with; 0 if it begins with
// none (overlong forms, surrogates and numbers past U+10FFFF included).
// REQUIRES: text is not empty.
size_t CodePointLength(std::string_view text) {
  const auto byte = [&](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong =
      (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) > 0x9f;
  const bool too_large = lead == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || too_large ? 0 : length;
}

bool IsWhiteSpace(std::string_view code_point) {
  static constexpr std::string_view kSpaces[] = {
      "\t",           "\n",           "\v",
      "\f",           "\r",           " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
      "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
      "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
      "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
      "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
      "\xe3\x80\x80"};
  return std::find(std::begin(kSpaces), std::end(kSpaces), code_point) !=
         std::end(kSpaces);
}

bool IsControl(std::string_view code_point) {
  const auto lead = static_cast<unsigned char>(code_point[0]);
  return lead < 0x20 || lead == 0x7f ||
         (lead == 0xc2 && static_cast<unsigned char>(code_point[1]) < 0xa0);
}

}  // namespace

absl::StatusOr<std::vector<std::string_view>> CodePoints(
    std::string_view text) {
  std::vector<std::string_view> points;
  for (size_t i = 0; i < text.size();) {
    const size_t length = CodePointLength(text.substr(i));
    if (length == 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("byte %d is not UTF-8", i));
    }
    points.push_back(text.substr(i, length));
    i += length;
  }
  return points;
}

absl::StatusOr<std::vector<std::string_view>> Words(std::string_view text) {
  const auto points = CodePoints(text);
  if (!points.ok()) return points.status();
  std::vector<std::string_view> words;
  bool in_word = false;
  for (std::string_view point : *points) {
    if (IsWhiteSpace(point)) {
      in_word = false;
    } else if (in_word) {
      words.back() = {words.back().data(), words.back().size() + point.size()};
    } else {
      words.push_back(point);
      in_word = true;
    }
  }
  return words;
}

std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const size_t length = CodePointLength(text);
    const std::string_view point = text.substr(0, std::max<size_t>(length, 1));
    if (length == 0 || IsControl(point)) {
      printable += absl::CHexEscape(std::string(point));
    } else {
      printable += point;
    }
    text.remove_prefix(point.size());
  }
  return printable;
}

size_t Width(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char byte) { return (byte & 0xc0) != 0x80; });
}

std::string PadRight(std::string_view text, size_t width) {
  std::string padded(text);
  padded.append(width - std::min(width, Width(text)), ' ');
  return padded;
}

std::string PadLeft(std::string_view text, size_t width) {
  return std::string(width - std::min(width, Width(text)), ' ').append(text);
}

}  // namespace unroll::client
