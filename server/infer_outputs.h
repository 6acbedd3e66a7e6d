#ifndef UNROLL_SERVER_INFER_OUTPUTS_H_
#define UNROLL_SERVER_INFER_OUTPUTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/serve/sequence.h"
#include "inference/grpc_service.pb.h"
#include "server/convert_request.h"

namespace unroll::server {

// One output tensor that was asked for.
struct InferOutput {
  enum Kind { kHidden, kFinalState, kScores, kClasses, kStateToken };
  Kind kind;
  int64_t top_k = 0;       // of kClasses
  bool each_step = false;  // a row for each step; else one at the end
};

// The outputs that a request asks for, in its order.
struct InferPlan {
  std::vector<InferOutput> outputs;
  ResultPlan results;  // the same, for the scheduler and the sizes

  // Those that come with each step, or those that come once.
  std::vector<InferOutput> Those(bool each_step) const;
};

// INVALID_ARGUMENT: an output is not known, does not suit the model or comes
// twice. UNIMPLEMENTED: shared memory.
absl::StatusOr<InferPlan> PlanInferOutputs(
    const inference::ModelInferRequest& request, const ServedModel& model,
    bool wants_token);

// The bytes of outputs for N sequences of T steps; nothing: more than an
// int64 can say.
std::optional<int64_t> InferOutputBytes(std::span<const InferOutput> outputs,
                                        const ServedModel& model,
                                        int64_t sequences, int64_t steps);

// The outputs of N sequences of T steps each, laid out as zeros in a response
// before their numbers are there. Different sequences may be written by
// different threads.
class InferReply {
 public:
  // `model` and `response` must outlive it.
  InferReply(std::span<const InferOutput> outputs, const ServedModel& model,
             int64_t sequences, int64_t steps,
             inference::ModelInferResponse& response);

  // What results.steps()[i] gives, as step t of sequence n. Of a sequence in
  // order.
  void SetStep(int64_t n, int64_t t, const StepResults& results, int64_t i);
  // The scores of a head that is applied once, if they are among the results.
  void SetFinalScores(int64_t n, const StepResults& results);
  void SetState(int64_t n, const Tensor& h);
  void SetToken(int64_t n, std::string_view token);
  // Once all is set.
  void Finish();

 private:
  struct Texts {
    std::string raw;
    int64_t count = 0;
  };
  struct Laid {
    InferOutput output;
    int64_t row = 0;           // elements of one step, or once
    int64_t rows = 0;          // of each sequence
    char* data = nullptr;      // [N, rows, row] floats
    std::string* raw;          // in the response
    std::vector<Texts> texts;  // of BYTES: [N]
  };
  void SetRow(Laid& laid, int64_t n, int64_t row, const float* values);
  void AppendBest(Laid& laid, int64_t n, std::span<const float> scores);

  const ServedModel& model_;
  std::vector<Laid> outputs_;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_OUTPUTS_H_
