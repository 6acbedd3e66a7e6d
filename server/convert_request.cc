#include "server/convert_request.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "server/sequence_input.h"

namespace unroll::server {
namespace {

// Tensor bytes are little-endian and are used as they lie.
static_assert(std::endian::native == std::endian::little);

constexpr int64_t kFloatBytes = sizeof(float);

// Steps ahead of their results, of a live sequence.
constexpr int64_t kDefaultWindow = 64;
constexpr int64_t kLargestWindow = 65536;

absl::Status Invalid(const std::string& message) {
  return absl::InvalidArgumentError(message);
}

Shape ShapeOf(const v1::Tensor& tensor) {
  return Shape(tensor.shape().begin(), tensor.shape().end());
}

// The floats of a tensor whose type, size and values have been checked.
absl::StatusOr<std::span<const float>> CheckedFloats(const v1::Tensor& tensor,
                                                     std::string_view where) {
  if (tensor.data_type() != v1::FLOAT32 &&
      tensor.data_type() != v1::DATA_TYPE_UNSPECIFIED) {
    return Invalid(absl::StrFormat("%s: data_type %d, expected FLOAT32", where,
                                   tensor.data_type()));
  }
  const Shape shape = ShapeOf(tensor);
  const auto elements = CheckedElements(shape);
  const auto bytes = elements ? CheckedMultiply(*elements, kFloatBytes)
                              : std::optional<int64_t>();
  if (!bytes || *bytes != static_cast<int64_t>(tensor.data().size())) {
    return Invalid(absl::StrFormat(
        "%s: %d bytes of data, expected %s for FLOAT32 %s", where,
        tensor.data().size(), bytes ? absl::StrCat(*bytes) : "a sound size",
        ShapeString(shape)));
  }
  const std::span<const float> values(
      reinterpret_cast<const float*>(tensor.data().data()), *elements);
  RETURN_IF_ERROR(CheckFinite(values, where));
  return values;
}

absl::Status ReadFeatures(const v1::Tensor& features, const ModelInfo& info,
                          int64_t max_steps, SequenceRequest& request) {
  const Shape shape = ShapeOf(features);
  if (info.vocabulary_size > 0) {
    return Invalid(
        "features were given, but the model takes tokens: give token_ids" +
        std::string(info.vocabulary ? " or text" : ""));
  }
  if (shape.size() != 2 || shape[1] != info.spec.input_size) {
    return Invalid(absl::StrFormat("features: shape %s, expected [T,%d]",
                                   ShapeString(shape), info.spec.input_size));
  }
  RETURN_IF_ERROR(CheckSteps(shape[0], max_steps));
  ASSIGN_OR_RETURN(const auto values, CheckedFloats(features, "features"));
  request.steps = shape[0];
  request.features = values.data();
  return absl::OkStatus();
}

absl::Status ReadTokens(const v1::TokenIds& ids, const ModelInfo& info,
                        int64_t max_steps, SequenceRequest& request) {
  if (info.vocabulary_size == 0) {
    return Invalid(absl::StrFormat(
        "token_ids were given, but the model takes features: give features "
        "[T,%d]",
        info.spec.input_size));
  }
  return SetTokens(std::span<const int64_t>(ids.ids().data(), ids.ids_size()),
                   "token_ids", info, max_steps, request);
}

absl::Status ReadText(const std::string& text, const ModelInfo& info,
                      int64_t max_steps, SequenceRequest& request) {
  if (!info.vocabulary) {
    return Invalid(absl::StrFormat(
        "text was given, but the model has no vocabulary: give %s",
        info.vocabulary_size > 0 ? "token_ids" : "features"));
  }
  return SetText(text, info, max_steps, request);
}

// Of a Sequence or LiveRequest.
template <typename Message>
absl::Status ReadInput(const Message& message, const ModelInfo& info,
                       int64_t max_steps, SequenceRequest& request) {
  if (message.has_features()) {
    return ReadFeatures(message.features(), info, max_steps, request);
  }
  if (message.has_token_ids()) {
    return ReadTokens(message.token_ids(), info, max_steps, request);
  }
  if (message.has_text()) {
    return ReadText(message.text(), info, max_steps, request);
  }
  return absl::OkStatus();
}

absl::Status ReadState(const v1::State& state, const ModelInfo& info,
                       SequenceRequest& request) {
  const std::vector<StateTensorSpec> expected = StateSpec(info);
  for (const auto& given : state.tensors()) {
    if (std::none_of(expected.begin(), expected.end(),
                     [&](const auto& e) { return e.name == given.first; })) {
      return Invalid(
          absl::StrFormat("initial_state: unknown tensor %s, expected \"%s\"",
                          Quoted(given.first), expected.front().name));
    }
  }
  for (const StateTensorSpec& e : expected) {
    const auto found = state.tensors().find(std::string(e.name));
    const std::string where = absl::StrFormat("initial_state \"%s\"", e.name);
    if (found == state.tensors().end()) {
      // Without a pool, hidden is pooled from here on.
      if (e.name == "h" || state.tensors_size() > 1) {
        return Invalid(where + ": missing");
      }
      request.state.push_back(ZeroTensor(e.shape));
      continue;
    }
    if (ShapeOf(found->second) != e.shape) {
      return Invalid(absl::StrFormat("%s: shape %s, expected %s", where,
                                     ShapeString(ShapeOf(found->second)),
                                     ShapeString(e.shape)));
    }
    ASSIGN_OR_RETURN(const auto values, CheckedFloats(found->second, where));
    if (e.name == "pool_steps" &&
        (values[0] < 0 || values[0] != std::trunc(values[0]))) {
      return Invalid(
          absl::StrFormat("%s: %g, expected a whole number", where, values[0]));
    }
    request.state.push_back({e.shape, {values.begin(), values.end()}});
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ClassOf(const v1::Candidate& candidate, int index,
                                const ModelInfo& info) {
  const std::string where = absl::StrFormat("outputs.candidates[%d]", index);
  switch (candidate.candidate_case()) {
    case v1::Candidate::kClass:
      if (candidate.class_() < 0 ||
          candidate.class_() >= info.head->classes()) {
        return Invalid(absl::StrFormat("%s: class %d, expected 0 to %d", where,
                                       candidate.class_(),
                                       info.head->classes() - 1));
      }
      return candidate.class_();
    case v1::Candidate::kLabel: {
      const auto label =
          std::find(info.labels.begin(), info.labels.end(), candidate.label());
      if (label == info.labels.end()) {
        return Invalid(absl::StrFormat(
            "%s: label %s, expected one of the model's %d labels", where,
            Quoted(candidate.label()), info.labels.size()));
      }
      return label - info.labels.begin();
    }
    case v1::Candidate::CANDIDATE_NOT_SET:
      break;
  }
  return Invalid(where + ": is empty, expected a class or a label");
}

absl::Status ReadSteps(const v1::Outputs& outputs, const ModelInfo& info,
                       ResultPlan& plan) {
  StepSelection& selection = plan.selection;
  switch (outputs.steps_case()) {
    case v1::Outputs::kAll:
    case v1::Outputs::STEPS_NOT_SET:
      selection.kind = StepSelection::kAll;
      break;
    case v1::Outputs::kLast:
      selection.kind = StepSelection::kLast;
      break;
    case v1::Outputs::kIndices: {
      const auto& indices = outputs.indices().indices();
      for (int i = 0; i < indices.size(); ++i) {
        const int64_t before = i == 0 ? -1 : indices[i - 1];
        if (indices[i] <= before) {
          return Invalid(absl::StrFormat(
              "outputs.indices[%d]: %d, expected more than %d (strictly "
              "increasing)",
              i, indices[i], before));
        }
      }
      selection.kind = StepSelection::kIndices;
      selection.indices.assign(indices.begin(), indices.end());
      break;
    }
    case v1::Outputs::kBlanks:
      if (!info.vocabulary || !info.vocabulary->blank_id()) {
        return Invalid("outputs.blanks: the model has no blank token");
      }
      plan.blanks = true;
  }
  return absl::OkStatus();
}

absl::Status SelectBlanks(const std::vector<int32_t>& tokens, int32_t blank,
                          StepSelection& selection) {
  selection.kind = StepSelection::kIndices;
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] == blank) {
      selection.indices.push_back(static_cast<int64_t>(t));
    }
  }
  if (!selection.indices.empty()) return absl::OkStatus();
  return Invalid("outputs.blanks: the sequence has no blank (\"[ ]\" in text)");
}

absl::Status ReadScores(const v1::Outputs& outputs, const ModelInfo& info,
                        ResultPlan& plan) {
  if (!info.head) {
    if (plan.scores || outputs.top_k() != 0 || outputs.candidates_size() > 0) {
      return Invalid(
          "outputs: scores, top_k or candidates were asked for, but the model "
          "has no head");
    }
    return absl::OkStatus();
  }
  std::vector<bool> seen(info.head->classes());
  for (int i = 0; i < outputs.candidates_size(); ++i) {
    ASSIGN_OR_RETURN(const int64_t index,
                     ClassOf(outputs.candidates(i), i, info));
    if (seen[index]) {
      return Invalid(absl::StrFormat(
          "outputs.candidates[%d]: class %d was named before", i, index));
    }
    seen[index] = true;
    plan.candidates.push_back(index);
  }
  const auto classes = plan.candidates.empty() ? info.head->classes()
                                               : std::ssize(plan.candidates);
  if (outputs.top_k() < 0 || outputs.top_k() > classes) {
    return Invalid(absl::StrFormat("outputs.top_k: %d, expected 0 to %d",
                                   outputs.top_k(), classes));
  }
  plan.top_k = outputs.top_k();
  return absl::OkStatus();
}

absl::Status ReadStateTokens(const v1::Outputs& outputs,
                             const ServedModel& model, ResultPlan& plan) {
  plan.state_token_every = outputs.state_token_every();
  if (plan.state_token_every < 0) {
    return Invalid(
        absl::StrFormat("outputs.state_token_every: %d, expected 0 or more",
                        plan.state_token_every));
  }
  if (!model.incremental() &&
      (plan.state_token || plan.state_token_every > 0)) {
    return Invalid(
        "outputs: a state token was asked for, but the model runs backward: a "
        "sequence of it cannot go on from a state");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ResultPlan> PlanResults(const v1::Outputs& outputs,
                                       const ServedModel& model) {
  ResultPlan plan;
  for (int result : outputs.results()) {
    switch (result) {
      case v1::HIDDEN:
        plan.hidden = true;
        break;
      case v1::FINAL_STATE:
        plan.final_state = true;
        break;
      case v1::SCORES:
        plan.scores = true;
        break;
      case v1::TOP:
        if (outputs.top_k() == 0) {
          return Invalid("outputs.results: TOP needs top_k, which is 0");
        }
        break;
      case v1::STATE_TOKEN:
        plan.state_token = true;
        break;
      default:
        return Invalid(absl::StrFormat(
            "outputs.results: %d, expected HIDDEN (1), FINAL_STATE (2), "
            "SCORES (3), TOP (4) or STATE_TOKEN (5)",
            result));
    }
  }
  if (outputs.results_size() == 0) {
    plan.hidden = plan.final_state = true;
    plan.scores = model.info.head.has_value();
  }
  plan.scores_each_step = model.info.head && model.info.head->each_step();
  RETURN_IF_ERROR(ReadStateTokens(outputs, model, plan));
  RETURN_IF_ERROR(ReadScores(outputs, model.info, plan));
  RETURN_IF_ERROR(ReadSteps(outputs, model.info, plan));
  return plan;
}

absl::StatusOr<ResultPlan> PlanLiveResults(const v1::Outputs& outputs,
                                           const ServedModel& model) {
  if (!model.incremental()) {
    return Invalid(
        "the model is bidirectional: it has to see a whole sequence before its "
        "first result; use Predict or PredictStream");
  }
  if (outputs.steps_case() != v1::Outputs::STEPS_NOT_SET &&
      outputs.steps_case() != v1::Outputs::kAll) {
    return Invalid("outputs.steps: a live sequence gives results of all steps");
  }
  ASSIGN_OR_RETURN(ResultPlan plan, PlanResults(outputs, model));
  plan.scores_each_step = model.info.head.has_value();
  return plan;
}

absl::StatusOr<SequenceRequest> ToSequenceRequest(
    const v1::Sequence& sequence, const ResultPlan& plan,
    std::shared_ptr<const ServedModel> model, int64_t max_steps) {
  SequenceRequest request;
  const ModelInfo& info = model->info;
  RETURN_IF_ERROR(ReadInput(sequence, info, max_steps, request));
  if (request.steps == 0) {
    return Invalid("no input, expected features, token_ids or text");
  }
  if (sequence.has_initial_state()) {
    RETURN_IF_ERROR(ReadState(sequence.initial_state(), info, request));
  }
  const std::vector<int64_t>& indices = plan.selection.indices;
  if (!indices.empty() && indices.back() >= request.steps) {
    return Invalid(absl::StrFormat(
        "outputs.indices[%d]: %d, expected 0 to %d (the sequence has %d steps)",
        indices.size() - 1, indices.back(), request.steps - 1, request.steps));
  }
  request.selection = plan.selection;
  if (plan.blanks) {
    RETURN_IF_ERROR(SelectBlanks(request.tokens, *info.vocabulary->blank_id(),
                                 request.selection));
  }
  request.wants_scores = plan.needs_head();
  request.model = std::move(model);
  return request;
}

absl::StatusOr<SequenceRequest> ToLiveRequest(
    const v1::LiveOpening& opening, const ResultPlan& plan,
    std::shared_ptr<const ServedModel> model) {
  SequenceRequest request;
  request.live = true;
  request.window = opening.window() == 0 ? kDefaultWindow : opening.window();
  if (request.window < 1 || request.window > kLargestWindow) {
    return Invalid(absl::StrFormat("open.window: %d, expected 1 to %d",
                                   request.window, kLargestWindow));
  }
  if (opening.has_initial_state()) {
    RETURN_IF_ERROR(ReadState(opening.initial_state(), model->info, request));
  }
  request.wants_scores = plan.needs_head();
  request.model = std::move(model);
  return request;
}

absl::StatusOr<Steps> ToSteps(const v1::LiveRequest& message,
                              const ServedModel& model, int64_t max_steps) {
  SequenceRequest read;
  RETURN_IF_ERROR(ReadInput(message, model.info, max_steps, read));
  Steps steps{.count = read.steps, .tokens = std::move(read.tokens)};
  if (read.features != nullptr) {
    steps.features.assign(
        read.features, read.features + read.steps * model.info.spec.input_size);
  }
  return steps;
}

}  // namespace unroll::server
