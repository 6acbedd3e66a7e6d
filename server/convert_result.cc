#include "server/convert_result.h"

#include <algorithm>
#include <numeric>

#include "core/base/checked.h"
#include "core/serve/state_token.h"
#include "server/duration.h"

namespace unroll::server {
namespace {

constexpr int64_t kFloatBytes = sizeof(float);

int64_t ScoreWidth(const ServedModel& model, const ResultPlan& plan) {
  return plan.candidates.empty() ? model.info.head->classes()
                                 : std::ssize(plan.candidates);
}

// The bytes of one row of scores and its top classes.
int64_t ScoreBytes(const ServedModel& model, const ResultPlan& plan) {
  if (!plan.needs_head()) return 0;
  int64_t bytes = plan.scores ? ScoreWidth(model, plan) * kFloatBytes : 0;
  if (plan.top_k > 0) {
    size_t longest = 0;
    for (const std::string& label : model.info.labels) {
      longest = std::max(longest, label.size());
    }
    bytes += plan.top_k * (24 + static_cast<int64_t>(longest)) + 8;
  }
  return bytes;
}

int64_t SelectedSteps(const SequenceRequest& request) {
  switch (request.selection.kind) {
    case StepSelection::kAll:
      return request.steps;
    case StepSelection::kLast:
      return 1;
    case StepSelection::kIndices:
      return std::ssize(request.selection.indices);
  }
  return 0;
}

void AppendFloats(std::span<const float> values, v1::Tensor& tensor) {
  tensor.mutable_data()->append(reinterpret_cast<const char*>(values.data()),
                                values.size_bytes());
}

// Appends a row to a [S, width] tensor.
void AppendRow(std::span<const float> row, v1::Tensor& tensor) {
  if (tensor.shape_size() == 0) {
    tensor.set_data_type(v1::FLOAT32);
    tensor.add_shape(0);
    tensor.add_shape(static_cast<int64_t>(row.size()));
  }
  tensor.set_shape(0, tensor.shape(0) + 1);
  AppendFloats(row, tensor);
}

// The scores that the plan is about, in its order.
std::vector<float> ChosenScores(std::span<const float> scores,
                                const ResultPlan& plan) {
  if (plan.candidates.empty()) return {scores.begin(), scores.end()};
  std::vector<float> chosen;
  for (int64_t index : plan.candidates) chosen.push_back(scores[index]);
  return chosen;
}

void SetTop(std::span<const float> chosen, const ResultPlan& plan,
            const ModelInfo& info, v1::TopK& top) {
  for (const int64_t i : BestScores(chosen, plan.top_k, plan.candidates)) {
    v1::ScoredClass& scored = *top.add_classes();
    scored.set_class_(plan.candidates.empty() ? i : plan.candidates[i]);
    if (!info.labels.empty()) scored.set_label(info.labels[scored.class_()]);
    scored.set_score(chosen[i]);
  }
}

template <typename Message>
void AppendStepTo(const StepResults& results, int64_t i, const ResultPlan& plan,
                  const ServedModel& model, Message& message) {
  if (plan.hidden) AppendRow(results.hidden(i), *message.mutable_hidden());
  if (!plan.needs_head() || !plan.scores_each_step) return;
  const std::vector<float> chosen = ChosenScores(results.scores(i), plan);
  if (plan.scores) AppendRow(chosen, *message.mutable_scores());
  if (plan.top_k > 0) SetTop(chosen, plan, model.info, *message.add_top());
}

template <typename Message>
void SetFinalScoresOf(const StepResults& results, const ResultPlan& plan,
                      const ServedModel& model, Message& message) {
  if (plan.scores_each_step || results.score_rows() == 0) return;
  const std::vector<float> chosen = ChosenScores(results.scores(0), plan);
  if (plan.scores) {
    v1::Tensor& tensor = *message.mutable_scores();
    tensor.set_data_type(v1::FLOAT32);
    tensor.add_shape(std::ssize(chosen));
    AppendFloats(chosen, tensor);
  }
  if (plan.top_k > 0) SetTop(chosen, plan, model.info, *message.add_top());
}

}  // namespace

std::vector<int64_t> BestScores(std::span<const float> scores, int64_t count,
                                std::span<const int64_t> classes) {
  const auto class_of = [&](int64_t i) {
    return classes.empty() ? i : classes[i];
  };
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  // A NaN (relu networks can overflow) ranks last, so that the order stays one.
  const auto key = [&](int64_t i) {
    return std::isnan(scores[i]) ? -INFINITY : scores[i];
  };
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](int64_t a, int64_t b) {
                      return key(a) != key(b) ? key(a) > key(b)
                                              : class_of(a) < class_of(b);
                    });
  order.resize(count);
  return order;
}

int64_t StepBytes(const ServedModel& model, const ResultPlan& plan) {
  constexpr int64_t kStepNumber = 10;
  int64_t bytes = kStepNumber;
  if (plan.hidden) bytes += model.info.spec.hidden_width() * kFloatBytes;
  if (plan.scores_each_step) bytes += ScoreBytes(model, plan);
  return bytes;
}

int64_t ResultBytes(const SequenceRequest& request, const ResultPlan& plan) {
  constexpr int64_t kFraming = 128;
  const ServedModel& model = *request.model;
  int64_t bytes = kFraming + SelectedSteps(request) * StepBytes(model, plan);
  if (!plan.scores_each_step) bytes += ScoreBytes(model, plan);
  if (plan.final_state) {
    for (const StateTensorSpec& spec : StateSpec(model.info)) {
      bytes += kFraming + *CheckedElements(spec.shape) * kFloatBytes;
    }
  }
  if (plan.state_token) bytes += kFraming + StateTokenBytes(model);
  if (model.info.vocabulary) bytes += 5 * request.steps;  // token ids
  if (plan.blanks) bytes += 5 * SelectedSteps(request);
  return bytes;
}

int64_t WorkingBytes(const SequenceRequest& request) {
  // A Sequence, its sink and the frame of its result.
  constexpr int64_t kOverhead = 1024;
  int64_t bytes =
      kOverhead + std::ssize(request.tokens) * kFloatBytes +
      std::ssize(request.selection.indices) * int64_t{sizeof(int64_t)};
  for (const StateTensorSpec& state : StateSpec(request.model->info)) {
    bytes += *CheckedElements(state.shape) * kFloatBytes;
  }
  const Spec& spec = request.model->info.spec;
  if (!request.model->incremental()) {
    bytes += request.steps * (spec.input_size + 2 * spec.hidden_width()) *
             kFloatBytes;
    const auto& head = request.model->info.head;
    if (request.wants_scores && head->each_step()) {
      bytes += SelectedSteps(request) *
               (spec.hidden_width() + head->classes()) * kFloatBytes;
    }
  }
  return bytes;
}

void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::SequenceResult& message) {
  AppendStepTo(results, i, plan, model, message);
}

void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::PredictStreamResponse& message) {
  AppendStepTo(results, i, plan, model, message);
}

void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::LiveResponse& message) {
  AppendStepTo(results, i, plan, model, message);
}

void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model, v1::SequenceResult& message) {
  SetFinalScoresOf(results, plan, model, message);
}

void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model,
                    v1::PredictStreamResponse& message) {
  SetFinalScoresOf(results, plan, model, message);
}

void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model, v1::LiveResponse& message) {
  SetFinalScoresOf(results, plan, model, message);
}

void SetState(std::span<const Tensor> state, const ModelInfo& info,
              v1::State& message) {
  const std::vector<StateTensorSpec> names = StateSpec(info);
  for (size_t i = 0; i < state.size(); ++i) {
    v1::Tensor& tensor =
        (*message.mutable_tensors())[std::string(names[i].name)];
    tensor.set_data_type(v1::FLOAT32);
    tensor.mutable_shape()->Assign(state[i].shape.begin(),
                                   state[i].shape.end());
    AppendFloats(state[i].values, tensor);
  }
}

void SetTiming(absl::Duration queue, absl::Duration compute,
               v1::Timing& message) {
  SetDuration(queue, *message.mutable_queue());
  SetDuration(compute, *message.mutable_compute());
}

}  // namespace unroll::server
