#include "client/command/step_output.h"

#include <optional>
#include <string>
#include <vector>

#include "client/command/json.h"
#include "client/command/outputs.h"
#include "client/command/print_result.h"
#include "client/command/print_scores.h"
#include "client/command/rows.h"
#include "client/command/text.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

absl::Status Print(const std::string& text, Terminal& terminal) {
  if (terminal.out << text << std::flush) return absl::OkStatus();
  return absl::CancelledError("the output cannot be written any more");
}

class TableOutput : public StepOutput {
 public:
  TableOutput(const NamedSequence& sequence, const v1::GetModelResponse& model,
              Terminal& terminal)
      : sequence_(sequence),
        model_(model),
        terminal_(terminal),
        scores_(model.head(), terminal.unicode) {}

  absl::Status Add(const v1::PredictStreamResponse& message) override {
    if (!steps_) {
      RETURN_IF_ERROR(Print(Printable(sequence_.name) + "\n", terminal_));
      steps_.emplace(
          scores_, StepTokens(sequence_.sequence, model_, message.token_ids()));
    }
    RETURN_IF_ERROR(AddSteps(message));
    return message.has_final() ? AddEnd(message) : absl::OkStatus();
  }

 private:
  absl::Status AddSteps(const v1::PredictStreamResponse& message) {
    ASSIGN_OR_RETURN(const Rows hidden, Rows::Of(message.hidden()));
    for (int i = 0; i < message.steps_size(); ++i) {
      const bool has_top = !ScoresOnce(model_) && i < message.top_size();
      RETURN_IF_ERROR(
          Print(steps_->Line(message.steps(i),
                             has_top ? &message.top(i) : nullptr, hidden[i]),
                terminal_));
    }
    return absl::OkStatus();
  }

  absl::Status AddEnd(const v1::PredictStreamResponse& message) {
    const v1::StreamEnd& end = message.final();
    std::string text;
    if (ScoresOnce(model_) && message.top_size() > 0) {
      text += scores_.Block(message.top(0), 2);
    }
    ASSIGN_OR_RETURN(const std::string state,
                     FormatFinalState(end.final_state()));
    text += state;
    if (end.has_exact()) {
      text += FormatContinuation(end.exact(), end.steps_done());
    }
    return Print(text + model_.name() + " " +
                     FormatTiming(end.version(), end.timing()) + "\n",
                 terminal_);
  }

  const NamedSequence& sequence_;
  const v1::GetModelResponse& model_;
  Terminal& terminal_;
  const ScoreFormat scores_;
  std::optional<StepFormat> steps_;  // from the first message on
};

class JsonOutput : public StepOutput {
 public:
  JsonOutput(int sequence, const v1::GetModelResponse& model,
             Terminal& terminal)
      : sequence_(sequence), model_(model), terminal_(terminal) {}

  absl::Status Add(const v1::PredictStreamResponse& message) override {
    token_ids_.MergeFrom(message.token_ids());
    ASSIGN_OR_RETURN(const Rows hidden, Rows::Of(message.hidden()));
    ASSIGN_OR_RETURN(const Rows scores, Rows::Of(message.scores()));
    for (int i = 0; i < message.steps_size(); ++i) {
      const int64_t step = message.steps(i);
      Json json = {{"sequence", sequence_}, {"step", step}};
      if (step >= 0 && step < token_ids_.size()) {
        json["token_id"] = token_ids_[static_cast<int>(step)];
      }
      if (i < hidden.size()) json["hidden"] = Array(hidden[i]);
      if (i < scores.size()) json["scores"] = Array(scores[i]);
      if (!ScoresOnce(model_) && i < message.top_size()) {
        json["top"] = ToJson(message.top(i));
      }
      RETURN_IF_ERROR(Print(ToLine(json), terminal_));
    }
    return message.has_final() ? AddEnd(message) : absl::OkStatus();
  }

 private:
  static Json Array(std::span<const float> row) {
    return std::vector<float>(row.begin(), row.end());
  }

  absl::Status AddEnd(const v1::PredictStreamResponse& message) {
    const v1::StreamEnd& end = message.final();
    Json last = {{"model", model_.name()},
                 {"version", end.version()},
                 {"request_id", end.request_id()}};
    RETURN_IF_ERROR(AddFinalState(end.final_state(), last));
    if (end.steps_done() > 0) last["steps_done"] = end.steps_done();
    if (end.has_exact()) last["exact"] = end.exact();
    if (ScoresOnce(model_)) {
      if (message.has_scores()) {
        ASSIGN_OR_RETURN(last["scores"], ToJson(message.scores()));
      }
      if (message.top_size() > 0) last["top"] = ToJson(message.top(0));
    }
    last["timing"] = ToJson(end.timing());
    const Json json = {{"sequence", sequence_}, {"final", last}};
    return Print(ToLine(json), terminal_);
  }

  const int sequence_;
  const v1::GetModelResponse& model_;
  Terminal& terminal_;
  google::protobuf::RepeatedField<int64_t> token_ids_;
};

}  // namespace

std::unique_ptr<StepOutput> MakeTableOutput(const NamedSequence& sequence,
                                            const v1::GetModelResponse& model,
                                            Terminal& terminal) {
  return std::make_unique<TableOutput>(sequence, model, terminal);
}

std::unique_ptr<StepOutput> MakeJsonOutput(int sequence,
                                           const v1::GetModelResponse& model,
                                           Terminal& terminal) {
  return std::make_unique<JsonOutput>(sequence, model, terminal);
}

}  // namespace unroll::client
