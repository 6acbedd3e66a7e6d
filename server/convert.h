#ifndef UNROLL_SERVER_CONVERT_H_
#define UNROLL_SERVER_CONVERT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/serve/sequence.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// What a caller wants of each sequence: Outputs, checked against the model.
struct ResultPlan {
  bool hidden = false;
  bool final_state = false;
  bool scores = false;
  int64_t top_k = 0;                // 0: none
  std::vector<int64_t> candidates;  // classes; empty: all
  StepSelection selection;          // its indices are increasing, from 0

  // Whether the head has to run.
  bool needs_head() const { return scores || top_k > 0; }
};

// INVALID_ARGUMENT: "outputs...: ..." says what does not suit the model.
absl::StatusOr<ResultPlan> PlanResults(const v1::Outputs& outputs,
                                       const ServedModel& model);

// A sequence ready to submit but for its deadline and sink. Features are not
// copied: `sequence` must outlive the run.
// INVALID_ARGUMENT: what is wrong, without the sequence's own name in front.
absl::StatusOr<SequenceRequest> ToSequenceRequest(
    const v1::Sequence& sequence, const ResultPlan& plan,
    std::shared_ptr<const ServedModel> model, int64_t max_steps);

// The bytes on the wire of one sequence's results, a little more than exact.
int64_t ResultBytes(const SequenceRequest& request, const ResultPlan& plan);

// The bytes of one step's results.
int64_t StepBytes(const ServedModel& model, const ResultPlan& plan);

// What running a sequence holds besides its results: ids, state, and for a
// bidirectional model every step's activations.
int64_t WorkingBytes(const SequenceRequest& request);

// Appends results().steps()[i] to a message with fields hidden, scores and top.
void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::SequenceResult& message);
void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::PredictStreamResponse& message);

// Sets the scores of a head that is applied once, [C].
void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model, v1::SequenceResult& message);
void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model,
                    v1::PredictStreamResponse& message);

void SetState(std::span<const Tensor> state, const Spec& spec,
              v1::State& message);

void SetTiming(absl::Duration queue, absl::Duration compute,
               v1::Timing& message);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CONVERT_H_
