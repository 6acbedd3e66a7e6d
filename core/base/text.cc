#include "core/base/text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/utf8.h"

namespace unroll {
namespace {

constexpr size_t kMostItems = 10;

}  // namespace

std::string Printable(std::string_view text, size_t most_bytes) {
  std::string_view shown = text.substr(0, most_bytes);
  // Not in the middle of a code point.
  while (shown.size() < text.size() && !shown.empty() &&
         (static_cast<unsigned char>(text[shown.size()]) & 0xC0) == 0x80) {
    shown.remove_suffix(1);
  }
  std::string printable;
  for (size_t at = 0; at < shown.size();) {
    const auto code_point = DecodeUtf8(shown.substr(at));
    const size_t bytes = code_point ? code_point->bytes : 1;
    if (code_point && code_point->value >= ' ' && code_point->value != 0x7F) {
      printable += shown.substr(at, bytes);
    } else if (shown[at] == '\n') {
      printable += "\\n";
    } else {
      absl::StrAppendFormat(&printable, "\\x%02x",
                            static_cast<unsigned char>(shown[at]));
    }
    at += bytes;
  }
  if (shown.size() < text.size()) printable += "...";
  return printable;
}

std::string Quoted(std::string_view text) {
  return absl::StrCat("\"", Printable(text), "\"");
}

std::string ListForMessage(const std::vector<std::string>& items) {
  const size_t shown = std::min(items.size(), kMostItems);
  std::string list = absl::StrJoin(items.begin(), items.begin() + shown, ", ");
  if (shown < items.size()) {
    absl::StrAppend(&list, " and ", items.size() - shown, " more");
  }
  return list;
}

}  // namespace unroll
