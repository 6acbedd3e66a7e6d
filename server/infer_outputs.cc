#include "server/infer_outputs.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/state_token.h"
#include "server/convert_result.h"
#include "server/infer_parameters.h"

namespace unroll::server {
namespace {

using RequestedOutput =
    inference::ModelInferRequest::InferRequestedOutputTensor;

std::string_view Name(InferOutput::Kind kind) {
  switch (kind) {
    case InferOutput::kHidden:
      return "hidden";
    case InferOutput::kFinalState:
      return "h_n";
    case InferOutput::kScores:
    case InferOutput::kClasses:
      return "scores";
    case InferOutput::kStateToken:
      return "state_token";
  }
  return "";
}

bool IsText(InferOutput::Kind kind) {
  return kind == InferOutput::kClasses || kind == InferOutput::kStateToken;
}

// What an output adds to the shape [N] or [N,T]: [width], [L*D,H] or nothing.
Shape Tail(const InferOutput& output, const ModelInfo& info) {
  switch (output.kind) {
    case InferOutput::kHidden:
      return {info.spec.hidden_width()};
    case InferOutput::kFinalState:
      return StateSpec(info).front().shape;
    case InferOutput::kScores:
      return {info.head->classes()};
    case InferOutput::kClasses:
      return {output.top_k};
    case InferOutput::kStateToken:
      break;
  }
  return {};
}

// The most bytes of one row of an output.
int64_t RowBytes(const InferOutput& output, const ServedModel& model) {
  if (output.kind == InferOutput::kStateToken) {
    return int64_t{sizeof(uint32_t)} + StateTokenBytes(model);
  }
  int64_t element = sizeof(float);
  if (output.kind == InferOutput::kClasses) {
    constexpr int64_t kScoreAndClass = 40;
    for (const std::string& label : model.info.labels) {
      element = std::max<int64_t>(element, std::ssize(label));
    }
    element += kScoreAndClass;
  }
  return *CheckedElements(Tail(output, model.info)) * element;
}

// A BYTES element.
void AppendText(std::string_view text, std::string& raw) {
  const auto size = static_cast<uint32_t>(text.size());
  raw.append(reinterpret_cast<const char*>(&size), sizeof(size));
  raw.append(text);
}

absl::StatusOr<InferOutput> ReadOutput(const RequestedOutput& requested,
                                       const ServedModel& model) {
  const auto& head = model.info.head;
  RETURN_IF_ERROR(RefuseSharedMemory(requested.parameters(), "it"));
  ASSIGN_OR_RETURN(const int64_t top_k,
                   ReadClassification(requested.parameters()));
  if (top_k > 0 && requested.name() != "scores") {
    return Invalid("parameter \"classification\" is for scores");
  }
  if (requested.name() == "hidden") return InferOutput{InferOutput::kHidden};
  if (requested.name() == "h_n") return InferOutput{InferOutput::kFinalState};
  if (requested.name() == "state_token") {
    return InferOutput{InferOutput::kStateToken};
  }
  if (requested.name() == "scores" && head) {
    if (top_k > head->classes()) {
      return Invalid("parameter \"classification\": %d, expected 1 to %d",
                     top_k, head->classes());
    }
    if (top_k > 0) return InferOutput{InferOutput::kClasses, top_k};
    return InferOutput{InferOutput::kScores};
  }
  return Invalid(
      "the model does not give it, expected hidden, h_n, %sstate_token",
      head ? "scores or " : "");
}

}  // namespace

std::vector<InferOutput> InferPlan::Those(bool each_step) const {
  std::vector<InferOutput> those;
  for (const InferOutput& output : outputs) {
    if (output.each_step == each_step) those.push_back(output);
  }
  return those;
}

absl::StatusOr<InferPlan> PlanInferOutputs(
    const inference::ModelInferRequest& request, const ServedModel& model,
    bool wants_token) {
  InferPlan plan;
  std::set<std::string_view> names;
  for (const RequestedOutput& requested : request.outputs()) {
    const std::string where = absl::StrCat("output ", Quoted(requested.name()));
    if (!names.insert(requested.name()).second) {
      return InvalidAt(where, "comes twice");
    }
    auto output = ReadOutput(requested, model);
    if (!output.ok()) {
      return absl::Status(output.status().code(),
                          absl::StrCat(where, ": ", output.status().message()));
    }
    plan.outputs.push_back(*output);
  }
  if (request.outputs().empty()) {
    plan.outputs = {{InferOutput::kHidden}, {InferOutput::kFinalState}};
    if (model.info.head) plan.outputs.push_back({InferOutput::kScores});
  }
  if (wants_token && !names.contains("state_token")) {
    plan.outputs.push_back({InferOutput::kStateToken});
  }
  ResultPlan& results = plan.results;
  results.scores_each_step = model.info.head && model.info.head->each_step();
  for (InferOutput& output : plan.outputs) {
    const bool scores = Name(output.kind) == "scores";
    output.each_step = output.kind == InferOutput::kHidden ||
                       (scores && results.scores_each_step);
    results.hidden |= output.kind == InferOutput::kHidden;
    results.final_state |= output.kind == InferOutput::kFinalState;
    results.scores |= scores;
    results.state_token |= output.kind == InferOutput::kStateToken;
  }
  if (results.state_token && !model.incremental()) {
    return Invalid(
        "output \"state_token\": the model runs backward: a sequence of it "
        "cannot go on from a state");
  }
  return plan;
}

std::optional<int64_t> InferOutputBytes(std::span<const InferOutput> outputs,
                                        const ServedModel& model,
                                        int64_t sequences, int64_t steps) {
  constexpr int64_t kFraming = 128;
  int64_t bytes = kFraming;
  for (const InferOutput& output : outputs) {
    const auto size = CheckedElements(std::initializer_list<int64_t>{
        sequences, output.each_step ? steps : 1, RowBytes(output, model)});
    if (!size || __builtin_add_overflow(bytes, *size, &bytes) ||
        __builtin_add_overflow(bytes, kFraming, &bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

InferReply::InferReply(std::span<const InferOutput> outputs,
                       const ServedModel& model, int64_t sequences,
                       int64_t steps, inference::ModelInferResponse& response)
    : model_(model) {
  for (const InferOutput& output : outputs) {
    const Shape tail = Tail(output, model.info);
    Laid& laid = outputs_.emplace_back();
    laid.output = output;
    laid.row = *CheckedElements(tail);
    laid.rows = output.each_step ? steps : 1;
    laid.raw = response.add_raw_output_contents();
    auto& tensor = *response.add_outputs();
    tensor.set_name(std::string(Name(output.kind)));
    tensor.set_datatype(IsText(output.kind) ? "BYTES" : "FP32");
    tensor.add_shape(sequences);
    if (output.each_step) tensor.add_shape(steps);
    tensor.mutable_shape()->Add(tail.begin(), tail.end());
    if (IsText(output.kind)) {
      laid.texts.resize(sequences);
    } else {
      laid.raw->resize(sequences * laid.rows * laid.row * sizeof(float));
      laid.data = laid.raw->data();
    }
  }
}

void InferReply::SetRow(Laid& laid, int64_t n, int64_t row,
                        const float* values) {
  const int64_t bytes = laid.row * int64_t{sizeof(float)};
  std::memcpy(laid.data + (n * laid.rows + row) * bytes, values, bytes);
}

void InferReply::AppendBest(Laid& laid, int64_t n,
                            std::span<const float> scores) {
  const std::vector<std::string>& labels = model_.info.labels;
  for (const int64_t i : BestScores(scores, laid.output.top_k, {})) {
    std::string text = absl::StrFormat("%.9g:%d", scores[i], i);
    if (!labels.empty()) absl::StrAppend(&text, ":", labels[i]);
    AppendText(text, laid.texts[n].raw);
    ++laid.texts[n].count;
  }
}

void InferReply::SetStep(int64_t n, int64_t t, const StepResults& results,
                         int64_t i) {
  for (Laid& laid : outputs_) {
    if (!laid.output.each_step) continue;
    if (laid.output.kind == InferOutput::kHidden) {
      SetRow(laid, n, t, results.hidden(i).data());
    } else if (laid.output.kind == InferOutput::kScores) {
      SetRow(laid, n, t, results.scores(i).data());
    } else {
      AppendBest(laid, n, results.scores(i));
    }
  }
}

void InferReply::SetFinalScores(int64_t n, const StepResults& results) {
  if (results.score_rows() == 0) return;
  for (Laid& laid : outputs_) {
    if (laid.output.each_step) continue;
    if (laid.output.kind == InferOutput::kScores) {
      SetRow(laid, n, 0, results.scores(0).data());
    } else if (laid.output.kind == InferOutput::kClasses) {
      AppendBest(laid, n, results.scores(0));
    }
  }
}

void InferReply::SetState(int64_t n, const Tensor& h) {
  for (Laid& laid : outputs_) {
    if (laid.output.kind == InferOutput::kFinalState) {
      SetRow(laid, n, 0, h.values.data());
    }
  }
}

void InferReply::SetToken(int64_t n, std::string_view token) {
  for (Laid& laid : outputs_) {
    if (laid.output.kind == InferOutput::kStateToken) {
      AppendText(token, laid.texts[n].raw);
      ++laid.texts[n].count;
    }
  }
}

void InferReply::Finish() {
  for (Laid& laid : outputs_) {
    for (Texts& texts : laid.texts) {
      // Of the rows beyond its length.
      for (; texts.count < laid.rows * laid.row; ++texts.count) {
        AppendText("", texts.raw);
      }
      laid.raw->append(texts.raw);
    }
  }
}

}  // namespace unroll::server
