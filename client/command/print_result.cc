#include "client/command/print_result.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/command/outputs.h"
#include "client/command/print_scores.h"
#include "client/command/rows.h"
#include "client/command/text.h"
#include "client/command/time.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

// A line for each of several steps.
std::string FormatSteps(const NamedSequence& sequence,
                        const std::vector<int64_t>& steps,
                        const v1::SequenceResult& result, const Rows& hidden,
                        const v1::GetModelResponse& model,
                        const ScoreFormat& scores) {
  const StepFormat format(
      scores, StepTokens(sequence.sequence, model, result.token_ids()));
  const bool each_step = !ScoresOnce(model);
  std::string text;
  for (int i = 0; i < std::ssize(steps); ++i) {
    const bool has_top = each_step && i < result.top_size();
    text +=
        format.Line(steps[i], has_top ? &result.top(i) : nullptr, hidden[i]);
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> FormatResult(const NamedSequence& sequence,
                                         const v1::Outputs& outputs,
                                         const v1::SequenceResult& result,
                                         const v1::GetModelResponse& model,
                                         bool unicode) {
  ASSIGN_OR_RETURN(const Rows hidden, Rows::Of(result.hidden()));
  const int64_t count = StepCount(sequence.sequence, result.token_ids());
  const std::vector<int64_t> steps = ChosenSteps(outputs, count, result);
  const ScoreFormat scores(model.head(), unicode);
  std::string text =
      absl::StrFormat("%s, %d step%s\n", Printable(sequence.name), count,
                      count == 1 ? "" : "s");
  const bool one_row = steps.size() == 1;
  const bool has_step_rows =
      hidden.size() > 0 || (!ScoresOnce(model) && result.top_size() > 0);
  if (!one_row && has_step_rows) {
    text += FormatSteps(sequence, steps, result, hidden, model, scores);
  }
  if (result.top_size() > 0 && (one_row || ScoresOnce(model))) {
    text += scores.Block(result.top(0), 2);
  }
  if (one_row && hidden.size() > 0) {
    absl::StrAppendFormat(&text, "  hidden, step %d of width %d\n    %s\n",
                          steps[0], hidden[0].size(), FirstValues(hidden[0]));
  }
  ASSIGN_OR_RETURN(const std::string state,
                   FormatFinalState(result.final_state()));
  text += state;
  if (result.has_exact()) {
    text += FormatContinuation(result.exact(), result.steps_done());
  }
  return text;
}

absl::StatusOr<std::string> FormatFinalState(const v1::State& state) {
  std::string text;
  for (const auto& [name, tensor] :
       std::map(state.tensors().begin(), state.tensors().end())) {
    ASSIGN_OR_RETURN(const Rows rows, Rows::Of(tensor));
    absl::StrAppendFormat(&text, "  %s_n %s\n", Printable(name),
                          ShapeString(rows.array().shape));
    for (int64_t row = 0; row < rows.size(); ++row) {
      absl::StrAppend(&text, "    ", FirstValues(rows[row]), "\n");
    }
  }
  return text;
}

std::string FormatContinuation(bool exact, int64_t steps_done) {
  return absl::StrFormat("  went on from a state token%s, %d steps in all\n",
                         exact ? " bit for bit" : ", differing in rounding",
                         steps_done);
}

std::string FormatTiming(int64_t version, const v1::Timing& timing) {
  return absl::StrFormat("version %d, queue %s, compute %s", version,
                         FormatSeconds(Seconds(timing.queue())),
                         FormatSeconds(Seconds(timing.compute())));
}

}  // namespace unroll::client
