#include "core/load/config.h"

#include <functional>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/json.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {
namespace {

using nlohmann::json;

constexpr Nonlinearity kNonlinearities[] = {Nonlinearity::kTanh,
                                            Nonlinearity::kRelu};
constexpr Activation kActivations[] = {
    Activation::kIdentity, Activation::kTanh,    Activation::kRelu,
    Activation::kSigmoid,  Activation::kSoftmax, Activation::kLogSoftmax};
constexpr AppliedTo kAppliedTo[] = {AppliedTo::kEachStep, AppliedTo::kLastStep,
                                    AppliedTo::kFinalState};
constexpr Tokenizer kTokenizers[] = {Tokenizer::kWords, Tokenizer::kCharacters};
constexpr KernelChoice kKernels[] = {KernelChoice::kAuto,
                                     KernelChoice::kPrimitive};

// The readers below give messages without file and key: their callers add them.
absl::Status WrongKind(const json& value, std::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrFormat("is %s, expected %s", JsonKind(value), expected));
}

absl::Status ReadString(const json& value, std::optional<std::string>& target) {
  if (!value.is_string()) return WrongKind(value, "a string");
  target = value.get<std::string>();
  return absl::OkStatus();
}

// A file beside the weights: a name that leads anywhere else is refused.
absl::Status ReadFileName(const json& value,
                          std::optional<std::string>& target) {
  RETURN_IF_ERROR(ReadString(value, target));
  if (target->empty() || *target == "." || *target == ".." ||
      target->find('/') != target->npos || target->find('\0') != target->npos) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is not a plain file name", Quoted(*target)));
  }
  return absl::OkStatus();
}

// One of the words that Name() gives for `words`.
template <typename Word, size_t size>
absl::Status ReadWord(const json& value, const Word (&words)[size],
                      std::optional<Word>& target) {
  if (!value.is_string()) return WrongKind(value, "a string");
  const std::string& said = value.get_ref<const std::string&>();
  std::vector<std::string> known;
  for (const Word word : words) {
    if (said == Name(word)) {
      target = word;
      return absl::OkStatus();
    }
    known.push_back(Quoted(Name(word)));
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "is %s, expected one of %s", Quoted(said), ListForMessage(known)));
}

absl::Status ReadPatterns(const json& value, std::vector<std::string>& target) {
  // Every pattern is tried on every tensor.
  constexpr size_t kMostPatterns = 100;
  constexpr size_t kMostPatternBytes = 1000;
  if (!value.is_array()) return WrongKind(value, "an array of strings");
  for (const json& pattern : value) {
    if (!pattern.is_string()) return WrongKind(pattern, "strings inside");
    target.push_back(pattern.get<std::string>());
    if (target.back().size() > kMostPatternBytes) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "pattern %s has %d bytes, expected at most %d", Quoted(target.back()),
          target.back().size(), kMostPatternBytes));
    }
  }
  if (target.size() > kMostPatterns) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%d patterns, expected at most %d", target.size(), kMostPatterns));
  }
  return absl::OkStatus();
}

struct Key {
  std::string_view name;
  std::function<absl::Status(const json&)> read;
};

// Reads an object of known keys.
absl::Status ReadObject(const json& value, const std::vector<Key>& keys) {
  if (!value.is_object()) return WrongKind(value, "an object");
  for (const auto& [name, member] : value.items()) {
    const Key* found = nullptr;
    std::vector<std::string> known;
    for (const Key& key : keys) {
      known.push_back(Quoted(key.name));
      if (key.name == name) found = &key;
    }
    if (found == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrFormat("unknown key %s, known are %s", Quoted(name),
                          absl::StrJoin(known, ", ")));
    }
    if (const absl::Status read = found->read(member); !read.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: %s", Quoted(name), read.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHead(const json& value, Config& config) {
  config.has_head = true;
  return ReadObject(value,
                    {{"activation",
                      [&](const json& v) {
                        return ReadWord(v, kActivations, config.activation);
                      }},
                     {"applied_to", [&](const json& v) {
                        return ReadWord(v, kAppliedTo, config.applied_to);
                      }}});
}

absl::Status ReadTensors(const json& value, Config& config) {
  return ReadObject(
      value,
      {{"rnn", [&](const json& v) { return ReadString(v, config.rnn_prefix); }},
       {"embedding",
        [&](const json& v) { return ReadString(v, config.embedding); }},
       {"head",
        [&](const json& v) { return ReadString(v, config.head_prefix); }}});
}

}  // namespace

absl::StatusOr<Config> ParseConfig(std::string_view text,
                                   std::string_view where) {
  ASSIGN_OR_RETURN(const json root, ParseJson(text, where));
  Config config;
  const std::vector<Key> keys = {
      {"nonlinearity",
       [&](const json& v) {
         return ReadWord(v, kNonlinearities, config.nonlinearity);
       }},
      {"head", [&](const json& v) { return ReadHead(v, config); }},
      {"vocabulary",
       [&](const json& v) { return ReadFileName(v, config.vocabulary); }},
      {"labels", [&](const json& v) { return ReadFileName(v, config.labels); }},
      {"tokenizer",
       [&](const json& v) {
         return ReadWord(v, kTokenizers, config.tokenizer);
       }},
      {"unknown_token",
       [&](const json& v) { return ReadString(v, config.unknown_token); }},
      {"blank_token",
       [&](const json& v) { return ReadString(v, config.blank_token); }},
      {"tensors", [&](const json& v) { return ReadTensors(v, config); }},
      {"ignore", [&](const json& v) { return ReadPatterns(v, config.ignore); }},
      {"kernel",
       [&](const json& v) { return ReadWord(v, kKernels, config.kernel); }},
  };
  if (const absl::Status read = ReadObject(root, keys); !read.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %s", where, read.message()));
  }
  return config;
}

}  // namespace unroll
