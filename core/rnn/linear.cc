#include "core/rnn/linear.h"

#include <algorithm>
#include <vector>

#include "core/base/status_macros.h"
#include "core/rnn/onednn.h"
#include "core/rnn/packed_matmul.h"

namespace unroll {
namespace {

// What oneDNN can do to a matmul's result in passing.
dnnl::post_ops FusedActivation(Activation activation) {
  dnnl::post_ops post_ops;
  switch (activation) {
    case Activation::kTanh:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_tanh, 0.0f, 0.0f);
      break;
    case Activation::kRelu:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      break;
    case Activation::kSigmoid:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_logistic, 0.0f,
                              0.0f);
      break;
    case Activation::kIdentity:
    case Activation::kSoftmax:
    case Activation::kLogSoftmax:
      break;
  }
  return post_ops;
}

class OneDnnLinear final : public Linear {
 public:
  // Throws dnnl::error.
  OneDnnLinear(const LinearWeights& weights, Activation activation,
               int64_t max_rows)
      : max_rows_(max_rows),
        matmul_(weights.weight, weights.bias.values,
                {.source_stride = weights.weight.shape[1],
                 .target_stride = weights.weight.shape[0],
                 .max_rows = max_rows,
                 .post_ops = FusedActivation(activation)}) {
    if (activation == Activation::kSoftmax ||
        activation == Activation::kLogSoftmax) {
      for (int64_t rows = 1; rows <= max_rows_; ++rows) {
        softmaxes_.emplace_back(
            onednn::Softmax(activation == Activation::kLogSoftmax,
                            onednn::Matrix(rows, outputs(), outputs())));
      }
    }
  }

  absl::Status Run(int64_t rows, const float* input, float* output,
                   Workspace& workspace) const override {
    return onednn::Catch([&] {
      matmul_.Run(rows, input, output, workspace);
      if (softmaxes_.empty()) return;
      for (int64_t first = 0; first < rows; first += max_rows_) {
        RunSoftmax(std::min(max_rows_, rows - first),
                   output + first * outputs(), workspace);
      }
    });
  }

  int64_t outputs() const override { return matmul_.outputs(); }
  int64_t memory_bytes() const override { return matmul_.memory_bytes(); }

 private:
  // In place.
  void RunSoftmax(int64_t rows, float* output, Workspace& workspace) const {
    const onednn::Prepared& softmax = softmaxes_[rows - 1];
    const auto target =
        onednn::Over(onednn::Matrix(rows, outputs(), outputs()), output);
    std::byte* scratchpad =
        workspace.Bytes(Workspace::kScratchpad, softmax.scratchpad.get_size());
    softmax.primitive.execute(
        onednn::Stream(),
        {{DNNL_ARG_SRC, target},
         {DNNL_ARG_DST, target},
         {DNNL_ARG_SCRATCHPAD, onednn::Over(softmax.scratchpad, scratchpad)}});
  }

  const int64_t max_rows_;
  const PackedMatmul matmul_;
  std::vector<onednn::Prepared> softmaxes_;  // [max_rows], or none
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Linear>> MakeLinear(
    const LinearWeights& weights, Activation activation, int64_t max_rows) {
  std::unique_ptr<const Linear> linear;
  RETURN_IF_ERROR(onednn::Catch([&] {
    linear = std::make_unique<OneDnnLinear>(weights, activation, max_rows);
  }));
  return linear;
}

}  // namespace unroll
