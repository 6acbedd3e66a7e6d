#include "core/load/config.h"

#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/str_join.h"
#include "core/base/invalid.h"
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
                                    AppliedTo::kFinalState, AppliedTo::kMean,
                                    AppliedTo::kMax};
constexpr Tokenizer kTokenizers[] = {Tokenizer::kWords, Tokenizer::kCharacters};
constexpr KernelChoice kKernels[] = {
    KernelChoice::kAuto, KernelChoice::kPrimitive, KernelChoice::kSplit};
constexpr Precision kPrecisions[] = {Precision::kFloat32, Precision::kBfloat16};

// The readers below give messages without file and key: their callers add them.
absl::Status WrongKind(const json& value, std::string_view expected) {
  return Invalid("is %s, expected %s", JsonKind(value), expected);
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
    return Invalid("%s is not a plain file name", Quoted(*target));
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
  return Invalid("is %s, expected one of %s", Quoted(said),
                 ListForMessage(known));
}

// Reads a list of strings, each of at most kMostBytes: they are matched with
// every tensor's name.
absl::Status ReadStrings(const json& value, std::string_view what,
                         std::vector<std::string>& target) {
  constexpr size_t kMost = 100;
  constexpr size_t kMostBytes = 1000;
  if (!value.is_array()) return WrongKind(value, "an array of strings");
  for (const json& entry : value) {
    if (!entry.is_string()) return WrongKind(entry, "strings inside");
    target.push_back(entry.get<std::string>());
    if (target.back().size() > kMostBytes) {
      return Invalid("%s %s has %d bytes, expected at most %d", what,
                     Quoted(target.back()), target.back().size(), kMostBytes);
    }
  }
  if (target.size() > kMost) {
    return Invalid("%d %ss, expected at most %d", target.size(), what, kMost);
  }
  return absl::OkStatus();
}

// One prefix, or a list of them.
absl::Status ReadPrefixes(const json& value, std::vector<std::string>& target) {
  if (value.is_string()) {
    target = {value.get<std::string>()};
    return absl::OkStatus();
  }
  if (!value.is_array()) {
    return WrongKind(value, "a string or an array of strings");
  }
  if (value.empty()) {
    return absl::InvalidArgumentError("is empty, expected a prefix");
  }
  return ReadStrings(value, "prefix", target);
}

absl::Status ReadNumber(const json& value, std::vector<float>& target) {
  if (!value.is_number()) return WrongKind(value, "a number");
  const double number = value.get<double>();
  if (std::abs(number) > std::numeric_limits<float>::max()) {
    return Invalid("is %g, past what float32 holds", number);
  }
  target.push_back(static_cast<float>(number));
  return absl::OkStatus();
}

// One number, or a list of them.
absl::Status ReadNumbers(const json& value, std::vector<float>& target) {
  if (value.is_number()) return ReadNumber(value, target);
  if (!value.is_array()) return WrongKind(value, "a number or an array");
  if (value.empty()) {
    return absl::InvalidArgumentError("is empty, expected numbers");
  }
  for (const json& entry : value) {
    if (const absl::Status read = ReadNumber(entry, target); !read.ok()) {
      return Invalid("[%d] %s", target.size(), read.message());
    }
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
      return Invalid("unknown key %s, known are %s", Quoted(name),
                     absl::StrJoin(known, ", "));
    }
    if (const absl::Status read = found->read(member); !read.ok()) {
      return Invalid("%s: %s", Quoted(name), read.message());
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHeadLayer(const json& value, Config::HeadLayer& layer) {
  std::optional<std::string> prefix;
  std::optional<Activation> activation;
  RETURN_IF_ERROR(ReadObject(
      value, {{"tensors", [&](const json& v) { return ReadString(v, prefix); }},
              {"activation", [&](const json& v) {
                 return ReadWord(v, kActivations, activation);
               }}}));
  if (!prefix) return absl::InvalidArgumentError("\"tensors\" is missing");
  layer = {*std::move(prefix), activation.value_or(layer.activation)};
  return absl::OkStatus();
}

absl::Status ReadHeadLayers(const json& value, Config& config) {
  constexpr size_t kMost = 100;
  if (!value.is_array()) return WrongKind(value, "an array of objects");
  if (value.empty() || value.size() > kMost) {
    return Invalid("%d layers, expected 1 to %d", value.size(), kMost);
  }
  for (const json& entry : value) {
    const auto read = ReadHeadLayer(entry, config.head_layers.emplace_back());
    if (!read.ok()) {
      return Invalid("[%d]: %s", config.head_layers.size() - 1, read.message());
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHead(const json& value, Config& config) {
  config.has_head = true;
  RETURN_IF_ERROR(ReadObject(
      value,
      {{"activation",
        [&](const json& v) {
          return ReadWord(v, kActivations, config.activation);
        }},
       {"applied_to",
        [&](const json& v) {
          return ReadWord(v, kAppliedTo, config.applied_to);
        }},
       {"layers", [&](const json& v) { return ReadHeadLayers(v, config); }}}));
  if (config.activation && !config.head_layers.empty()) {
    return absl::InvalidArgumentError(
        "\"activation\" beside \"layers\": each layer says its own");
  }
  return absl::OkStatus();
}

absl::Status ReadInput(const json& value, Config& config) {
  RETURN_IF_ERROR(ReadObject(
      value,
      {{"mean",
        [&](const json& v) { return ReadNumbers(v, config.input_mean); }},
       {"std",
        [&](const json& v) { return ReadNumbers(v, config.input_std); }}}));
  for (const float std : config.input_std) {
    if (std > 0) continue;
    return Invalid("\"std\": %g, expected more than 0", std);
  }
  return absl::OkStatus();
}

absl::Status ReadTensors(const json& value, Config& config) {
  return ReadObject(
      value,
      {{"rnn",
        [&](const json& v) { return ReadPrefixes(v, config.rnn_prefixes); }},
       {"embedding",
        [&](const json& v) { return ReadString(v, config.embedding); }},
       {"head",
        [&](const json& v) { return ReadString(v, config.head_prefix); }},
       {"input_mean",
        [&](const json& v) { return ReadString(v, config.tensor_mean); }},
       {"input_std",
        [&](const json& v) { return ReadString(v, config.tensor_std); }}});
}

// Two ways of saying one thing.
absl::Status CheckOnce(const Config& config) {
  const char* twice =
      config.head_prefix && !config.head_layers.empty()
          ? "\"tensors\": {\"head\"} beside \"head\": {\"layers\"}"
      : config.tensor_mean && !config.input_mean.empty()
          ? "\"tensors\": {\"input_mean\"} beside \"input\": {\"mean\"}"
      : config.tensor_std && !config.input_std.empty()
          ? "\"tensors\": {\"input_std\"} beside \"input\": {\"std\"}"
          : nullptr;
  if (twice == nullptr) return absl::OkStatus();
  return Invalid("%s, expected one of them", twice);
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
      {"input", [&](const json& v) { return ReadInput(v, config); }},
      {"ignore",
       [&](const json& v) { return ReadStrings(v, "pattern", config.ignore); }},
      {"kernel",
       [&](const json& v) { return ReadWord(v, kKernels, config.kernel); }},
      {"precision",
       [&](const json& v) {
         return ReadWord(v, kPrecisions, config.precision);
       }},
  };
  absl::Status read = ReadObject(root, keys);
  if (read.ok()) read = CheckOnce(config);
  if (!read.ok()) {
    return InvalidAt(where, "%s", read.message());
  }
  return config;
}

}  // namespace unroll
