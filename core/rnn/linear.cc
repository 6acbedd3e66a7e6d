#include "core/rnn/linear.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "core/base/status_macros.h"
#include "core/rnn/onednn.h"

namespace unroll {
namespace {

using dnnl::memory;

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
      : outputs_(weights.weight.shape[0]),
        inputs_(weights.weight.shape[1]),
        bias_(weights.bias.values),
        max_rows_(max_rows) {
    // One layout of the weights has to serve every number of rows.
    if (!MakeMatmuls(activation, memory::format_tag::any)) {
      MakeMatmuls(activation, memory::format_tag::ab);
    }
    weights_ = onednn::Reorder(
        {{inputs_, outputs_}, memory::data_type::f32, memory::format_tag::ba},
        weights.weight.values.data(), weights_desc_);
    if (activation == Activation::kSoftmax ||
        activation == Activation::kLogSoftmax) {
      for (int64_t rows = 1; rows <= max_rows_; ++rows) {
        softmaxes_.emplace_back(
            onednn::Softmax(activation == Activation::kLogSoftmax,
                            onednn::Matrix(rows, outputs_, outputs_)));
      }
    }
  }

  absl::Status Run(int64_t rows, const float* input, float* output,
                   Workspace& workspace) const override {
    return onednn::Catch([&] {
      for (int64_t first = 0; first < rows; first += max_rows_) {
        RunTile(std::min(max_rows_, rows - first), input + first * inputs_,
                output + first * outputs_, workspace);
      }
    });
  }

  int64_t outputs() const override { return outputs_; }
  int64_t memory_bytes() const override {
    return static_cast<int64_t>(weights_.get_desc().get_size() +
                                bias_.size() * sizeof(float));
  }

 private:
  // False when the numbers of rows disagree about the layout `any` stands for.
  bool MakeMatmuls(Activation activation, memory::format_tag tag) {
    matmuls_.clear();
    for (int64_t rows = 1; rows <= max_rows_; ++rows) {
      const auto desc = onednn::Matmul(
          {.src = onednn::Matrix(rows, inputs_, inputs_),
           .weights = {{inputs_, outputs_}, memory::data_type::f32, tag},
           .bias = bias_.empty() ? memory::desc()
                                 : onednn::Matrix(1, outputs_, outputs_),
           .dst = onednn::Matrix(rows, outputs_, outputs_),
           .post_ops = FusedActivation(activation)});
      if (rows == 1) {
        weights_desc_ = desc.weights_desc();
      } else if (desc.weights_desc() != weights_desc_) {
        return false;
      }
      matmuls_.emplace_back(desc);
    }
    return true;
  }

  void RunTile(int64_t rows, const float* input, float* output,
               Workspace& workspace) const {
    const auto source =
        onednn::Over(onednn::Matrix(rows, inputs_, inputs_), input);
    const auto target =
        onednn::Over(onednn::Matrix(rows, outputs_, outputs_), output);
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, source},
                                                 {DNNL_ARG_WEIGHTS, weights_},
                                                 {DNNL_ARG_DST, target}};
    if (!bias_.empty()) {
      arguments.emplace(
          DNNL_ARG_BIAS,
          onednn::Over(onednn::Matrix(1, outputs_, outputs_), bias_.data()));
    }
    Execute(matmuls_[rows - 1], std::move(arguments), workspace);
    if (!softmaxes_.empty()) {
      Execute(softmaxes_[rows - 1],
              {{DNNL_ARG_SRC, target}, {DNNL_ARG_DST, target}}, workspace);
    }
  }

  static void Execute(const onednn::Prepared& prepared,
                      std::unordered_map<int, memory> arguments,
                      Workspace& workspace) {
    std::byte* scratchpad =
        workspace.Bytes(Workspace::kScratchpad, prepared.scratchpad.get_size());
    arguments.emplace(DNNL_ARG_SCRATCHPAD,
                      onednn::Over(prepared.scratchpad, scratchpad));
    prepared.primitive.execute(onednn::Stream(), arguments);
  }

  const int64_t outputs_;
  const int64_t inputs_;
  const std::vector<float> bias_;  // [outputs], or none
  const int64_t max_rows_;
  memory::desc weights_desc_;
  memory weights_;
  std::vector<onednn::Prepared> matmuls_;    // [max_rows]: for 1, 2, ... rows
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
