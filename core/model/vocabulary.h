#ifndef UNROLL_CORE_MODEL_VOCABULARY_H_
#define UNROLL_CORE_MODEL_VOCABULARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

namespace unroll {

enum class Tokenizer {
  kWords,      // split at Unicode white space
  kCharacters  // one token a code point
};
std::string_view Name(Tokenizer tokenizer);  // "words", "characters"

// Tokens and their ids (0 to size - 1), and how text becomes ids.
// Immutable and thread-safe.
class Vocabulary {
 public:
  struct Options {
    Tokenizer tokenizer = Tokenizer::kWords;
    std::optional<std::string> unknown_token;  // must be in the vocabulary
    std::optional<std::string> blank_token;    // must be in the vocabulary
  };

  // `text` is a vocab.txt: UTF-8, a token a line, the first line is id 0, with
  // the escapes \n \t \\ and nothing trimmed (but a final newline ends the last
  // line). `where` names the file in messages.
  // INVALID_ARGUMENT: bad UTF-8, an unknown escape, an empty or repeated token
  // (with both line numbers), no tokens, "\r\n" at the end of every line, an
  // unknown or blank token that is not among them.
  static absl::StatusOr<Vocabulary> Parse(std::string_view text,
                                          const Options& options,
                                          std::string_view where);

  // The ids of `text`. "[ ]" stands for the blank token where there is one.
  // Words end at Unicode white space; a blank inside a word parts it in two.
  // INVALID_ARGUMENT: bad UTF-8 (with its byte), or a token that is not in the
  // vocabulary while there is no unknown token (names it and its position).
  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text) const;

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  const std::string& token(int64_t id) const { return tokens_[id]; }
  // The id that "[ ]" stands for.
  std::optional<int32_t> blank_id() const {
    return blank_id_ < 0 ? std::nullopt : std::optional(blank_id_);
  }
  // The id of an exact token.
  std::optional<int32_t> Find(std::string_view token) const;
  const std::vector<std::string>& tokens() const { return tokens_; }
  const Options& options() const { return options_; }

 private:
  Vocabulary() = default;

  Options options_;
  std::vector<std::string> tokens_;
  absl::flat_hash_map<std::string, int32_t> ids_;
  int32_t unknown_id_ = -1;  // -1: there is none
  int32_t blank_id_ = -1;
};

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_VOCABULARY_H_
