#include "core/model/token_lines.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "core/base/text.h"
#include "core/base/utf8.h"

namespace unroll {
namespace {

// One line without its newline. Messages go without file and line.
absl::StatusOr<std::string> ParseLine(std::string_view line) {
  if (line.empty()) return absl::InvalidArgumentError("empty");
  if (const auto bad = FindInvalidUtf8(line)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("byte %d of the line is not UTF-8", *bad));
  }
  std::string token;
  token.reserve(line.size());
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      token += line[i];
      continue;
    }
    const char escaped = ++i < line.size() ? line[i] : '\0';
    if (escaped != 'n' && escaped != 't' && escaped != '\\') {
      return absl::InvalidArgumentError(absl::StrFormat(
          "unknown escape in %s, expected \\n, \\t or \\\\", Quoted(line)));
    }
    token += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : '\\';
  }
  return token;
}

std::string_view WithoutFinalNewline(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return text;
}

bool EveryLineEndsInReturn(std::string_view text) {
  for (size_t end = text.find('\n'); end != text.npos;
       end = text.find('\n', end + 1)) {
    if (end == 0 || text[end - 1] != '\r') return false;
  }
  return true;
}

}  // namespace

int64_t CountTokenLines(std::string_view text) {
  if (text.empty()) return 0;
  text = WithoutFinalNewline(text);
  return 1 + std::count(text.begin(), text.end(), '\n');
}

absl::StatusOr<std::vector<std::string>> ParseTokenLines(
    std::string_view text, std::string_view where) {
  const int64_t count = CountTokenLines(text);
  if (count == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: empty, expected an entry a line", where));
  }
  // A line may be a lone "\r", so one is no sign of a file from Windows.
  if (count > 1 && EveryLineEndsInReturn(text)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: lines end in \"\\r\\n\", expected \"\\n\"", where));
  }
  // Alone on its line it may be a token, but not in front of one.
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark) && text.size() > kByteOrderMark.size() &&
      text[kByteOrderMark.size()] != '\n') {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: line 1 begins with a byte order mark, expected none", where));
  }
  text = WithoutFinalNewline(text);
  std::vector<std::string> tokens;
  tokens.reserve(count);
  absl::flat_hash_map<absl::string_view, int64_t> lines;
  for (int64_t line = 1; line <= count; ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    auto token = ParseLine(text.substr(0, end));
    if (!token.ok()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s: line %d: %s", where, line, token.status().message()));
    }
    tokens.push_back(*std::move(token));
    // Views stay valid: `tokens` has its memory already.
    const auto [first, added] = lines.emplace(tokens.back(), line);
    if (!added) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: line %d: %s repeats line %d", where, line,
                          Quoted(tokens.back()), first->second));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

}  // namespace unroll
