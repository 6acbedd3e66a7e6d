#include "core/rnn/head.h"

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

class OneDnnHead final : public Head {
 public:
  // Throws dnnl::error.
  OneDnnHead(const HeadWeights& weights, Activation activation,
             int64_t max_rows)
      : classes_(weights.weight.shape[0]),
        width_(weights.weight.shape[1]),
        bias_(weights.bias.values),
        max_rows_(max_rows) {
    // One layout of the weights has to serve every number of rows.
    if (!MakeMatmuls(activation, memory::format_tag::any)) {
      MakeMatmuls(activation, memory::format_tag::ab);
    }
    weights_ = onednn::Reorder(
        {{width_, classes_}, memory::data_type::f32, memory::format_tag::ba},
        weights.weight.values.data(), weights_desc_);
    if (activation == Activation::kSoftmax ||
        activation == Activation::kLogSoftmax) {
      for (int64_t rows = 1; rows <= max_rows_; ++rows) {
        softmaxes_.emplace_back(
            onednn::Softmax(activation == Activation::kLogSoftmax,
                            onednn::Matrix(rows, classes_, classes_)));
      }
    }
  }

  absl::Status Run(int64_t rows, const float* input, float* scores,
                   Workspace& workspace) const override {
    return onednn::Catch([&] {
      for (int64_t first = 0; first < rows; first += max_rows_) {
        RunTile(std::min(max_rows_, rows - first), input + first * width_,
                scores + first * classes_, workspace);
      }
    });
  }

  int64_t classes() const override { return classes_; }
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
          {.src = onednn::Matrix(rows, width_, width_),
           .weights = {{width_, classes_}, memory::data_type::f32, tag},
           .bias = bias_.empty() ? memory::desc()
                                 : onednn::Matrix(1, classes_, classes_),
           .dst = onednn::Matrix(rows, classes_, classes_),
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

  void RunTile(int64_t rows, const float* input, float* scores,
               Workspace& workspace) const {
    const auto source =
        onednn::Over(onednn::Matrix(rows, width_, width_), input);
    const auto target =
        onednn::Over(onednn::Matrix(rows, classes_, classes_), scores);
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, source},
                                                 {DNNL_ARG_WEIGHTS, weights_},
                                                 {DNNL_ARG_DST, target}};
    if (!bias_.empty()) {
      arguments.emplace(
          DNNL_ARG_BIAS,
          onednn::Over(onednn::Matrix(1, classes_, classes_), bias_.data()));
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

  const int64_t classes_;          // C
  const int64_t width_;            // D*H
  const std::vector<float> bias_;  // [C], or none
  const int64_t max_rows_;
  memory::desc weights_desc_;
  memory weights_;
  std::vector<onednn::Prepared> matmuls_;    // [max_rows]: for 1, 2, ... rows
  std::vector<onednn::Prepared> softmaxes_;  // [max_rows], or none
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Head>> MakeHead(const HeadWeights& weights,
                                                     Activation activation,
                                                     int64_t max_rows) {
  std::unique_ptr<const Head> head;
  RETURN_IF_ERROR(onednn::Catch([&] {
    head = std::make_unique<OneDnnHead>(weights, activation, max_rows);
  }));
  return head;
}

}  // namespace unroll
