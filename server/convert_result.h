#ifndef UNROLL_SERVER_CONVERT_RESULT_H_
#define UNROLL_SERVER_CONVERT_RESULT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "core/serve/sequence.h"
#include "server/convert_request.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// The bytes on the wire of one sequence's results, a little more than exact.
int64_t ResultBytes(const SequenceRequest& request, const ResultPlan& plan);

// The bytes of one step's results.
int64_t StepBytes(const ServedModel& model, const ResultPlan& plan);

// What running a sequence holds besides its results: ids, state, and for a
// bidirectional model every step's activations.
int64_t WorkingBytes(const SequenceRequest& request);

// Where the best of some scores are, best first; ties: the lower class first,
// which is `classes`[i] of score i, or i itself without any.
std::vector<int64_t> BestScores(std::span<const float> scores, int64_t count,
                                std::span<const int64_t> classes);

// Appends results().steps()[i] to a message with fields hidden, scores and top.
void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::SequenceResult& message);
void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::PredictStreamResponse& message);
void AppendStep(const StepResults& results, int64_t i, const ResultPlan& plan,
                const ServedModel& model, v1::LiveResponse& message);

// Sets the scores of a head that is applied once, [C].
void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model, v1::SequenceResult& message);
void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model,
                    v1::PredictStreamResponse& message);
void SetFinalScores(const StepResults& results, const ResultPlan& plan,
                    const ServedModel& model, v1::LiveResponse& message);

void SetState(std::span<const Tensor> state, const ModelInfo& info,
              v1::State& message);

void SetTiming(absl::Duration queue, absl::Duration compute,
               v1::Timing& message);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CONVERT_RESULT_H_
