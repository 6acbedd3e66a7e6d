#include "core/load/facts.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "core/load/model_files.h"

namespace unroll {
namespace {

constexpr size_t kMostBytes = 100;  // of a name or token from outside

// Configured where the key is there, otherwise `source`.
template <typename Key>
FactSource SourceOf(const std::optional<Key>& key, FactSource otherwise) {
  return key ? FactSource::kConfigured : otherwise;
}

std::string TokenValue(const std::optional<std::string>& token) {
  return token ? Printable(*token, kMostBytes) : "none";
}

void AddHead(const ModelInfo& info, const Config& config,
             const TensorRoles& roles, std::vector<Fact>& facts) {
  const FactSource source = SourceOf(config.head_prefix, FactSource::kRead);
  if (!info.head) {
    facts.push_back({"head", "none", source});
    return;
  }
  facts.push_back(
      {"head",
       absl::StrFormat("%s [%d,%d]%s", Printable(roles.head_weight, kMostBytes),
                       info.head->classes(), info.spec.hidden_width(),
                       roles.head_bias.empty() ? " without bias" : ""),
       source});
  facts.push_back({"head.activation",
                   std::string(Name(info.head->activation())),
                   SourceOf(config.activation, FactSource::kAssumed)});
  facts.push_back({"head.applied_to", std::string(Name(info.head->applied_to)),
                   SourceOf(config.applied_to, FactSource::kAssumed)});
  const FactSource labels = SourceOf(config.labels, FactSource::kRead);
  const std::string file = config.labels.value_or(kLabelsFile);
  facts.push_back({"labels",
                   info.labels.empty() ? "none" : Printable(file, kMostBytes),
                   labels});
}

void AddVocabulary(const ModelInfo& info, const Config& config,
                   std::vector<Fact>& facts) {
  const FactSource source = SourceOf(config.vocabulary, FactSource::kRead);
  if (!info.vocabulary) {
    facts.push_back({"vocabulary", "none", source});
    return;
  }
  const std::string file = config.vocabulary.value_or(kVocabularyFile);
  facts.push_back({"vocabulary", Printable(file, kMostBytes), source});
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
                            const TensorRoles& roles) {
  const Spec& spec = info.spec;
  constexpr FactSource kRead = FactSource::kRead;
  std::vector<Fact> facts = {
      {"rnn", absl::StrCat(Printable(roles.rnn.prefix, kMostBytes), "*"),
       SourceOf(config.rnn_prefix, kRead)},
      {"nonlinearity", std::string(Name(spec.nonlinearity)),
       SourceOf(config.nonlinearity, FactSource::kAssumed)},
      {"input_size", absl::StrCat(spec.input_size), kRead},
      {"hidden_size", absl::StrCat(spec.hidden_size), kRead},
      {"num_layers", absl::StrCat(spec.num_layers), kRead},
      {"directions", absl::StrCat(spec.directions), kRead},
      {"bias", spec.bias ? "true" : "false", kRead},
      {"embedding",
       roles.embedding.empty()
           ? "none"
           : absl::StrFormat("%s [%d,%d]",
                             Printable(roles.embedding, kMostBytes),
                             info.vocabulary_size, spec.input_size),
       SourceOf(config.embedding, kRead)},
  };
  if (info.vocabulary_size > 0) AddVocabulary(info, config, facts);
  AddHead(info, config, roles, facts);
  if (!config.ignore.empty()) {
    std::vector<std::string> patterns;
    for (const std::string& pattern : config.ignore) {
      patterns.push_back(Printable(pattern, kMostBytes));
    }
    facts.push_back(
        {"ignore", ListForMessage(patterns), FactSource::kConfigured});
  }
  facts.push_back({"kernel",
                   config.kernel ? std::string(Name(*config.kernel))
                                 : "the server's choice",
                   SourceOf(config.kernel, FactSource::kAssumed)});
  return facts;
}

}  // namespace unroll
