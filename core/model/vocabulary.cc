#include "core/model/vocabulary.h"

#include <limits>
#include <tuple>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/model/token_lines.h"

namespace unroll {
namespace {

constexpr std::string_view kBlank = "[ ]";

}  // namespace

std::string_view Name(Tokenizer tokenizer) {
  return tokenizer == Tokenizer::kWords ? "words" : "characters";
}

absl::StatusOr<Vocabulary> Vocabulary::Parse(std::string_view text,
                                             const Options& options,
                                             std::string_view where) {
  if (CountTokenLines(text) > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: more tokens than an id counts", where));
  }
  Vocabulary vocabulary;
  vocabulary.options_ = options;
  ASSIGN_OR_RETURN(vocabulary.tokens_, ParseTokenLines(text, where));
  vocabulary.ids_.reserve(vocabulary.tokens_.size());
  for (const std::string& token : vocabulary.tokens_) {
    vocabulary.ids_.emplace(token,
                            static_cast<int32_t>(vocabulary.ids_.size()));
  }
  for (const auto& [key, token, id] :
       {std::tuple("unknown_token", &options.unknown_token,
                   &vocabulary.unknown_id_),
        std::tuple("blank_token", &options.blank_token,
                   &vocabulary.blank_id_)}) {
    if (!*token) continue;
    const auto found = vocabulary.Find(**token);
    if (!found) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: %s %s is not one of the %d tokens", where, key,
                          Quoted(**token), vocabulary.size()));
    }
    *id = *found;
  }
  return vocabulary;
}

std::optional<int32_t> Vocabulary::Find(std::string_view token) const {
  // Debian's absl::string_view is not std::string_view.
  const auto found = ids_.find(absl::string_view(token.data(), token.size()));
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::vector<int32_t>> Vocabulary::Encode(
    std::string_view text) const {
  std::vector<int32_t> ids;
  // Adds the token text[begin, end).
  const auto add = [&](size_t begin, size_t end) -> absl::Status {
    const std::string_view token = text.substr(begin, end - begin);
    const auto id = Find(token);
    if (!id && unknown_id_ < 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "token %d at byte %d, %s, is not in the vocabulary, which has no "
          "unknown_token",
          ids.size(), begin, Quoted(token)));
    }
    ids.push_back(id.value_or(unknown_id_));
    return absl::OkStatus();
  };

  const bool words = options_.tokenizer == Tokenizer::kWords;
  size_t word = 0;  // where the word being read begins
  for (size_t at = 0; at < text.size();) {
    const bool is_blank =
        blank_id_ >= 0 && text.substr(at, kBlank.size()) == kBlank;
    const auto code_point = DecodeUtf8(text.substr(at));
    if (!code_point) {
      return absl::InvalidArgumentError(
          absl::StrFormat("text: byte %d is not UTF-8", at));
    }
    const size_t next = at + (is_blank ? kBlank.size() : code_point->bytes);
    if (is_blank || (words && IsWhiteSpace(code_point->value))) {
      if (words && word < at) RETURN_IF_ERROR(add(word, at));
      if (is_blank) ids.push_back(blank_id_);
      word = next;
    } else if (!words) {
      RETURN_IF_ERROR(add(at, next));
    }
    at = next;
  }
  if (words && word < text.size()) RETURN_IF_ERROR(add(word, text.size()));
  return ids;
}

}  // namespace unroll
