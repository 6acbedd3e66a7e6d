#include "core/load/facts.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/text.h"
#include "core/load/model_files.h"

namespace unroll {
namespace {

// Configured where the key is there, otherwise `source`.
template <typename Key>
FactSource SourceOf(const std::optional<Key>& key, FactSource otherwise) {
  return key ? FactSource::kConfigured : otherwise;
}

std::string TokenValue(const std::optional<std::string>& token) {
  return token ? Printable(*token) : "none";
}

// "relu, softmax"
std::string Activations(const HeadSpec& head) {
  return absl::StrJoin(
      head.layers, ", ", [](std::string* out, const HeadSpec::Layer& layer) {
        absl::StrAppendFormat(out, "%s", Name(layer.activation));
      });
}

// "[12,256]", "[64,256] [12,64]"
std::string Shapes(const HeadSpec& head, int64_t reads) {
  return absl::StrJoin(
      head.layers, " ", [&](std::string* out, const HeadSpec::Layer& layer) {
        absl::StrAppendFormat(out, "[%d,%d]", layer.width, reads);
        reads = layer.width;
      });
}

void AddHead(const ModelInfo& info, const Config& config,
             const NetworkParts& parts, std::vector<Fact>& facts) {
  const bool configured = config.head_prefix || !config.head_layers.empty();
  const FactSource source =
      configured ? FactSource::kConfigured : FactSource::kRead;
  if (!info.head) {
    facts.push_back({"head", "none", source});
    return;
  }
  const FactSource otherwise =
      parts.complete ? FactSource::kRead : FactSource::kAssumed;
  facts.push_back({"head",
                   absl::StrCat(parts.head_name, " ",
                                Shapes(*info.head, info.spec.hidden_width())),
                   source});
  facts.push_back({"head.activation", Activations(*info.head),
                   config.head_layers.empty()
                       ? SourceOf(config.activation, otherwise)
                       : FactSource::kConfigured});
  facts.push_back({"head.applied_to", std::string(Name(info.head->applied_to)),
                   SourceOf(config.applied_to, otherwise)});
  const FactSource labels = SourceOf(config.labels, FactSource::kRead);
  const std::string file = config.labels.value_or(kLabelsFile);
  facts.push_back(
      {"labels", info.labels.empty() ? "none" : Printable(file), labels});
}

void AddVocabulary(const ModelInfo& info, const Config& config,
                   std::vector<Fact>& facts) {
  const FactSource source = SourceOf(config.vocabulary, FactSource::kRead);
  if (!info.vocabulary) {
    facts.push_back({"vocabulary", "none", source});
    return;
  }
  const std::string file = config.vocabulary.value_or(kVocabularyFile);
  facts.push_back({"vocabulary", Printable(file), source});
  const Vocabulary::Options& options = info.vocabulary->options();
  facts.push_back({"tokenizer", std::string(Name(options.tokenizer)),
                   SourceOf(config.tokenizer, FactSource::kAssumed)});
  facts.push_back({"unknown_token", TokenValue(options.unknown_token),
                   SourceOf(config.unknown_token, FactSource::kAssumed)});
  facts.push_back({"blank_token", TokenValue(options.blank_token),
                   SourceOf(config.blank_token, FactSource::kAssumed)});
}

}  // namespace

std::vector<Fact> ListFacts(const ModelInfo& info, const Config& config,
                            const NetworkParts& parts) {
  const Spec& spec = info.spec;
  constexpr FactSource kRead = FactSource::kRead;
  std::vector<Fact> facts = {
      {"rnn", parts.rnn_name,
       config.rnn_prefixes.empty() ? kRead : FactSource::kConfigured},
      {"nonlinearity", std::string(Name(spec.nonlinearity)),
       SourceOf(config.nonlinearity,
                parts.complete ? kRead : FactSource::kAssumed)},
      {"input_size", absl::StrCat(spec.input_size), kRead},
      {"hidden_size", absl::StrCat(spec.hidden_size), kRead},
      {"num_layers", absl::StrCat(spec.num_layers), kRead},
      {"directions", absl::StrCat(spec.directions), kRead},
      {"bias", spec.bias ? "true" : "false", kRead},
      {"embedding",
       info.one_hot ? "none: tokens are one-hot"
       : parts.embedding_name.empty()
           ? "none"
           : absl::StrFormat("%s [%d,%d]", parts.embedding_name,
                             info.vocabulary_size, spec.input_size),
       SourceOf(config.embedding, kRead)},
  };
  if (spec.reverse) facts.push_back({"direction", "backward", kRead});
  if (!parts.normalization_name.empty()) {
    facts.push_back({"normalization", parts.normalization_name,
                     parts.complete ? kRead : FactSource::kConfigured});
  }
  if (info.vocabulary_size > 0) AddVocabulary(info, config, facts);
  AddHead(info, config, parts, facts);
  if (!config.ignore.empty()) {
    std::vector<std::string> patterns;
    for (const std::string& pattern : config.ignore) {
      patterns.push_back(Printable(pattern));
    }
    facts.push_back(
        {"ignore", ListForMessage(patterns), FactSource::kConfigured});
  }
  facts.push_back({"kernel",
                   config.kernel ? std::string(Name(*config.kernel))
                                 : "the server's choice",
                   SourceOf(config.kernel, FactSource::kAssumed)});
  facts.push_back({"precision", std::string(Name(info.precision)),
                   SourceOf(config.precision, FactSource::kAssumed)});
  return facts;
}

}  // namespace unroll
