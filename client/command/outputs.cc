#include "client/command/outputs.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "client/command/parse.h"
#include "client/command/text.h"

namespace unroll::client {
namespace {

constexpr int64_t kDefaultTopK = 3;

void SetDefaultResults(const v1::GetModelResponse& model, View view,
                       v1::Outputs& outputs) {
  if (view == View::kEverything) return;  // unset: all that the model has
  if (model.has_head()) outputs.add_results(v1::SCORES);
  // Without scores for a line a step, hidden has to do.
  if (!model.has_head() || (view == View::kSteps && ScoresOnce(model))) {
    outputs.add_results(v1::HIDDEN);
  }
  if (!model.has_head()) outputs.add_results(v1::FINAL_STATE);
}

// Beside all other results where none are named.
void AddStateToken(const v1::GetModelResponse& model, v1::Outputs& outputs) {
  if (outputs.results().empty()) {
    outputs.add_results(v1::HIDDEN);
    outputs.add_results(v1::FINAL_STATE);
    if (model.has_head()) outputs.add_results(v1::SCORES);
  }
  outputs.add_results(v1::STATE_TOKEN);
}

constexpr std::string_view kBlank = "[ ]";

bool HasBlank(const std::string& text, const v1::GetModelResponse& model) {
  return text.find(kBlank) != std::string::npos &&
         std::any_of(model.facts().begin(), model.facts().end(),
                     [](const v1::Fact& fact) {
                       return fact.name() == "blank_token" &&
                              fact.value() != "none";
                     });
}

// "[" and "]" that are a blank in `text` become one word.
void JoinBlanks(const std::string& text, std::vector<std::string_view>& words) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const size_t begin = words[i].data() - text.data();
    if (words[i] != "[" || text.compare(begin, kBlank.size(), kBlank) != 0) {
      continue;
    }
    words[i] = std::string_view(text).substr(begin, kBlank.size());
    words.erase(words.begin() + static_cast<int64_t>(i) + 1);
  }
}

// Pieces of text, or none where the tokenizer is not known.
std::vector<std::string_view> Split(const std::string& text,
                                    const v1::GetModelResponse& model) {
  for (const v1::Fact& fact : model.facts()) {
    if (fact.name() != "tokenizer") continue;
    if (fact.value() == "characters") {
      return CodePoints(text).value_or(std::vector<std::string_view>());
    }
    if (fact.value() == "words") {
      auto words = Words(text).value_or(std::vector<std::string_view>());
      if (HasBlank(text, model)) JoinBlanks(text, words);
      return words;
    }
  }
  return {};
}

}  // namespace

bool ScoresOnce(const v1::GetModelResponse& model) {
  return model.has_head() && model.head().applied_to() != "each_step";
}

v1::Outputs ChooseOutputs(const OutputFlags& flags,
                          const v1::GetModelResponse& model, View view) {
  v1::Outputs outputs = flags.outputs;
  for (const std::string& item : flags.candidates) {
    *outputs.add_candidates() = ToCandidate(item, model.head());
  }
  if (outputs.results().empty()) SetDefaultResults(model, view, outputs);
  if (!flags.state_out.empty()) AddStateToken(model, outputs);
  if (outputs.steps_case() == v1::Outputs::STEPS_NOT_SET &&
      view == View::kSummary) {
    outputs.mutable_last();
  }
  const bool shows_scores =
      view != View::kEverything &&
      std::find(outputs.results().begin(), outputs.results().end(),
                v1::SCORES) != outputs.results().end();
  if (!flags.top_k_given && shows_scores) {
    const int64_t classes = outputs.candidates().empty()
                                ? model.head().classes()
                                : outputs.candidates_size();
    outputs.set_top_k(
        static_cast<int32_t>(std::min<int64_t>(kDefaultTopK, classes)));
  }
  return outputs;
}

int64_t StepCount(const v1::Sequence& sequence,
                  const google::protobuf::RepeatedField<int64_t>& token_ids) {
  switch (sequence.input_case()) {
    case v1::Sequence::kFeatures:
      return sequence.features().shape(0);
    case v1::Sequence::kTokenIds:
      return sequence.token_ids().ids_size();
    case v1::Sequence::kText:
    case v1::Sequence::INPUT_NOT_SET:
      break;
  }
  return token_ids.size();
}

std::vector<int64_t> ChosenSteps(const v1::Outputs& outputs, int64_t steps,
                                 const v1::SequenceResult& result) {
  if (outputs.has_blanks()) {
    return {result.steps().begin(), result.steps().end()};
  }
  if (outputs.has_last()) return {steps - 1};
  if (outputs.has_indices()) {
    return {outputs.indices().indices().begin(),
            outputs.indices().indices().end()};
  }
  std::vector<int64_t> all(steps);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

bool HasBlank(const v1::Sequence& sequence, const v1::GetModelResponse& model) {
  return HasBlank(sequence.text(), model);
}

std::vector<std::string> TextPieces(const std::string& text,
                                    const v1::GetModelResponse& model) {
  std::vector<std::string> pieces;
  for (std::string_view piece : Split(text, model)) {
    pieces.push_back(piece == " " ? "' '" : Printable(piece));
  }
  return pieces;
}

std::vector<std::string> StepTokens(
    const v1::Sequence& sequence, const v1::GetModelResponse& model,
    const google::protobuf::RepeatedField<int64_t>& token_ids) {
  const auto& ids =
      sequence.has_token_ids() ? sequence.token_ids().ids() : token_ids;
  std::vector<std::string> tokens = TextPieces(sequence.text(), model);
  if (std::ssize(tokens) != ids.size()) {
    tokens.clear();
    for (int64_t id : ids) tokens.push_back(absl::StrCat(id));
  }
  return tokens;
}

}  // namespace unroll::client
