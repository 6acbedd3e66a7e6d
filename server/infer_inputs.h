#ifndef UNROLL_SERVER_INFER_INPUTS_H_
#define UNROLL_SERVER_INFER_INPUTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/serve/sequence.h"
#include "server/infer_tensor.h"

namespace unroll::server {

// The inputs of a ModelInferRequest, checked against the model and read where
// they lie: `request` must outlive it and the sequences made of it.
class InferInputs {
 public:
  // The codes of ReadInferTensors, and INVALID_ARGUMENT: a tensor is missing,
  // not known, or of a datatype or shape that does not suit the model.
  static absl::StatusOr<InferInputs> Read(
      const inference::ModelInferRequest& request,
      std::shared_ptr<const ServedModel> model);

  int64_t sequences() const { return sequences_; }  // N, at least 1
  // Of the longest sequence: T; of texts, of those that have been taken.
  int64_t steps() const { return steps_; }
  bool has_initial_state() const { return !initial_.empty(); }
  // Of the n-th sequence; empty: none.
  std::string_view state_token(int64_t n) const {
    return tokens_.empty() ? std::string_view() : tokens_[n];
  }

  // The n-th sequence, ready to submit but for what it is to give and to whom.
  // Features are not copied. INVALID_ARGUMENT: what is wrong with it.
  absl::StatusOr<SequenceRequest> Take(int64_t n, int64_t max_steps);

 private:
  using Tensors = std::map<std::string_view, InferTensor>;

  explicit InferInputs(std::shared_ptr<const ServedModel> model)
      : model_(std::move(model)) {}

  absl::Status ReadMain(Tensors& tensors);
  absl::Status ReadLengths(Tensors& tensors);
  absl::Status ReadInitial(Tensors& tensors);
  absl::Status ReadStateTokens(Tensors& tensors);

  std::shared_ptr<const ServedModel> model_;  // shared with the sequences
  int64_t sequences_ = 0;
  int64_t steps_ = 0;
  // One of these three.
  std::span<const float> features_;      // [N, T, I]
  InferTensor ids_;                      // [N, T]
  std::vector<std::string_view> texts_;  // [N]
  std::vector<float> converted_;         // features_, if they were no floats
  std::vector<int64_t> lengths_;         // [N], or none
  std::span<const float> initial_;       // [N, L*D, H], or none
  std::vector<float> converted_initial_;
  std::vector<std::string_view> tokens_;  // [N], or none
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_INPUTS_H_
