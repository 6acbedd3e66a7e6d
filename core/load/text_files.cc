#include "core/load/text_files.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/load/model_files.h"
#include "core/model/token_lines.h"

namespace unroll {
namespace {

constexpr int64_t kMaxConfigBytes = 1 << 20;
constexpr int64_t kMaxTokenFileBytes = 64 << 20;

// A file with an entry for each of something that the weights count.
struct TokenFile {
  std::string_view key;  // in config.json
  std::optional<std::string> configured;
  std::string default_name;
  int64_t count;   // how many entries there must be
  std::string of;  // what has so many, for messages
};

struct NamedText {
  std::string name;
  std::string text;
};

// Reads the file, if there is one, and counts its lines before memory is taken
// for them.
absl::StatusOr<std::optional<NamedText>> ReadTokenFile(const ModelPath& path,
                                                       const TokenFile& file) {
  const std::string name = file.configured.value_or(file.default_name);
  ASSIGN_OR_RETURN(std::optional<std::string> text,
                   ReadModelFile(path, name, kMaxTokenFileBytes));
  if (!text) {
    if (!file.configured) return std::nullopt;
    return InvalidAt(kConfigFile, "\"%s\": no file %s in %s or %s", file.key,
                     Quoted(name), path.directory, path.model_directory);
  }
  if (file.count == 0) {
    return Invalid("%s: there is a %s file, but %s", Printable(name), file.key,
                   file.of);
  }
  const int64_t count = CountTokenLines(*text);
  if (count != file.count) {
    return Invalid("%s: %d lines, expected %d, %s", Printable(name), count,
                   file.count, file.of);
  }
  return NamedText{Printable(name), *std::move(text)};
}

absl::Status CheckVocabularyKeys(const Config& config) {
  const char* key = config.tokenizer       ? "tokenizer"
                    : config.unknown_token ? "unknown_token"
                    : config.blank_token   ? "blank_token"
                                           : nullptr;
  if (key == nullptr) return absl::OkStatus();
  return InvalidAt(kConfigFile, "\"%s\" without a vocabulary: there is no %s",
                   key, kVocabularyFile);
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const ModelPath& path) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text,
                   ReadModelFile(path, kConfigFile, kMaxConfigBytes));
  if (!text) return Config{};
  return ParseConfig(*text, kConfigFile);
}

absl::StatusOr<std::optional<Vocabulary>> LoadVocabulary(
    const ModelPath& path, const Config& config, const NetworkParts& parts) {
  const bool embedded = parts.vocabulary_size > 0;
  ASSIGN_OR_RETURN(
      const std::optional<NamedText> file,
      ReadTokenFile(
          path,
          {.key = "vocabulary",
           .configured = config.vocabulary,
           .default_name = kVocabularyFile,
           .count = embedded ? parts.vocabulary_size : parts.spec.input_size,
           .of = embedded ? absl::StrFormat("the rows of the embedding %s",
                                            parts.embedding_name)
                          : "the inputs of a step (there is no embedding, so "
                            "that tokens are one-hot)"}));
  if (!file) {
    RETURN_IF_ERROR(CheckVocabularyKeys(config));
    return std::nullopt;
  }
  Vocabulary::Options options;
  options.tokenizer = config.tokenizer.value_or(options.tokenizer);
  options.unknown_token = config.unknown_token;
  options.blank_token = config.blank_token;
  ASSIGN_OR_RETURN(Vocabulary vocabulary,
                   Vocabulary::Parse(file->text, options, file->name));
  return vocabulary;
}

absl::StatusOr<std::vector<std::string>> LoadLabels(const ModelPath& path,
                                                    const Config& config,
                                                    const NetworkParts& parts) {
  ASSIGN_OR_RETURN(
      const std::optional<NamedText> file,
      ReadTokenFile(
          path, {.key = "labels",
                 .configured = config.labels,
                 .default_name = kLabelsFile,
                 .count = parts.head ? parts.head->classes() : 0,
                 .of = parts.head ? "the classes of the head " + parts.head_name
                                  : "there is no head among the tensors"}));
  if (!file) return std::vector<std::string>();
  return ParseTokenLines(file->text, file->name);
}

}  // namespace unroll
