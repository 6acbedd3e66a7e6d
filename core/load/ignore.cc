#include "core/load/ignore.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/text.h"

namespace unroll {

std::string Describe(const NamedShape& tensor) {
  return absl::StrFormat("%s %s", Quoted(tensor.name),
                         ShapeString(tensor.shape));
}

absl::StatusOr<SplitTensors> SplitIgnored(
    std::vector<NamedShape> tensors, const std::vector<std::string>& patterns,
    std::string_view where) {
  SplitTensors split;
  std::vector<bool> useful(patterns.size());
  for (NamedShape& tensor : tensors) {
    bool ignored = false;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (!GlobMatches(patterns[i], tensor.name)) continue;
      useful[i] = true;
      ignored = true;
    }
    (ignored ? split.ignored : split.kept).push_back(std::move(tensor));
  }
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (useful[i]) continue;
    return InvalidAt(where, "\"ignore\": pattern %s matches no tensor",
                     Quoted(patterns[i]));
  }
  return split;
}

bool GlobMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  // The last star, and where the text after what it took began: on a mismatch
  // it takes one byte more. An earlier star never has to.
  size_t star = pattern.npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace unroll
