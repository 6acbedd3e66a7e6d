#include "client/command/print_model.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/command/table.h"
#include "client/command/text.h"

namespace unroll::client {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string Input(const v1::GetModelResponse& model) {
  if (model.takes_text()) {
    return absl::StrFormat("text, or token ids (vocabulary of %d)",
                           model.vocabulary_size());
  }
  if (model.vocabulary_size() > 0) {
    return absl::StrFormat("token ids, 0 to %d", model.vocabulary_size() - 1);
  }
  return absl::StrFormat("features [T, %d]", model.spec().input_size());
}

std::string Network(const v1::Spec& spec) {
  return absl::StrFormat("%s (%s), input %d, hidden %d, %d layer%s, %s, %s",
                         spec.cell(), spec.nonlinearity(), spec.input_size(),
                         spec.hidden_size(), spec.num_layers(),
                         spec.num_layers() == 1 ? "" : "s",
                         spec.directions() == 2 ? "bidirectional"
                         : spec.reverse()       ? "backward"
                                                : "one direction",
                         spec.bias() ? "bias" : "no bias");
}

std::string Head(const v1::GetModelResponse& model) {
  if (!model.has_head()) return "none: gives hidden and h_n, no scores";
  std::string head;
  for (const v1::Head::Layer& layer : model.head().inner_layers()) {
    absl::StrAppendFormat(&head, "%s of %d, ", layer.activation(),
                          layer.width());
  }
  return absl::StrFormat("%s%s over %d classes, applied to %s", head,
                         model.head().activation(), model.head().classes(),
                         model.head().applied_to());
}

// The first of them: there may be a whole vocabulary.
std::string Labels(const v1::Head& head) {
  constexpr int kMost = 20;
  const auto& labels = head.labels();
  const int shown = std::min(labels.size(), kMost);
  std::string text =
      Printable(absl::StrJoin(labels.begin(), labels.begin() + shown, " "));
  if (shown < labels.size()) {
    absl::StrAppendFormat(&text, " and %d more", labels.size() - shown);
  }
  return text;
}

std::string Memory(const v1::GetModelResponse& model) {
  std::vector<std::string> parts;
  for (const auto& [part, bytes] :
       std::map(model.memory_bytes().begin(), model.memory_bytes().end())) {
    parts.push_back(
        absl::StrCat(part, " ", FormatBytes(static_cast<double>(bytes))));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace

std::string FormatModels(const v1::ListModelsResponse& models) {
  if (models.models().empty()) return "no models\n";
  Rows rows = {{"model", "version", "state", ""}};
  for (const v1::ModelStatus& model : models.models()) {
    rows.push_back(
        {Printable(model.name()),
         absl::StrCat(model.version(), model.is_default() ? " *" : ""),
         absl::AsciiStrToLower(v1::ModelState_Name(model.state())),
         Printable(model.error().empty() ? model.summary() : model.error())});
  }
  return FormatTable(rows, 0);
}

std::string FormatModel(const v1::GetModelResponse& model) {
  Rows rows = {{"input", Input(model)},
               {"network", Network(model.spec())},
               {"head", Head(model)},
               {"streaming", model.incremental()
                                 ? "each step's results come as it is computed"
                                 : "all results come at the end"},
               {"kernel",
                absl::StrCat(model.kernel(), ", numerics ", model.numerics(),
                             model.exact()
                                 ? ", a sequence's bits never depend on others"
                                 : ", bits may differ by rounding when batched "
                                   "differently")},
               {"memory", Memory(model)},
               {"fingerprint", model.fingerprint()}};
  if (model.head().labels_size() > 0) {
    rows.insert(rows.begin() + 3, {"labels", Labels(model.head())});
  }
  std::string text = absl::StrFormat("%s version %d\n", Printable(model.name()),
                                     model.version());
  text += FormatTable(rows, 2);
  if (model.facts_size() > 0) {
    text += "facts, and how the server knows them\n";
    Rows facts;
    for (const v1::Fact& fact : model.facts()) {
      facts.push_back(
          {Printable(fact.name()), Printable(fact.value()),
           absl::AsciiStrToLower(v1::Fact::Source_Name(fact.source()))});
    }
    text += FormatTable(facts, 2);
  }
  if (model.metadata_size() > 0) {
    text += "metadata of the weight file\n";
    Rows metadata;
    for (const auto& [key, value] :
         std::map(model.metadata().begin(), model.metadata().end())) {
      metadata.push_back({Printable(key), Printable(value)});
    }
    text += FormatTable(metadata, 2);
  }
  return text;
}

}  // namespace unroll::client
