#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/status_macros.h"
#include "core/rnn/kernel.h"
#include "core/rnn/onednn.h"
#include "core/rnn/packed_matmul.h"

namespace unroll {
namespace {

// b_ih + b_hh, or none.
std::vector<float> SumOfBiases(const LayerWeights& weights) {
  std::vector<float> bias = weights.bias_ih.values;
  for (size_t i = 0; i < bias.size(); ++i) bias[i] += weights.bias_hh.values[i];
  return bias;
}

// What is in the target already, the projection, is added before f.
dnnl::post_ops SumAndNonlinearity(Nonlinearity nonlinearity) {
  dnnl::post_ops post_ops;
  post_ops.append_sum(1.0f);
  post_ops.append_eltwise(1.0f,
                          nonlinearity == Nonlinearity::kTanh
                              ? dnnl::algorithm::eltwise_tanh
                              : dnnl::algorithm::eltwise_relu,
                          0.0f, 0.0f);
  return post_ops;
}

class SplitKernel final : public Kernel {
 public:
  // Throws dnnl::error.
  SplitKernel(const LayerWeights& weights, const KernelOptions& options)
      : hidden_size_(weights.weight_hh.shape[0]),
        dense_output_(options.output_stride == hidden_size_),
        projection_(weights.weight_ih, SumOfBiases(weights),
                    {.source_stride = options.input_stride,
                     .target_stride = options.output_stride,
                     .max_rows = options.max_rows}),
        recurrence_(weights.weight_hh, {},
                    {.source_stride = hidden_size_,
                     .target_stride = options.output_stride,
                     .max_rows = options.max_rows,
                     .post_ops = SumAndNonlinearity(options.nonlinearity)}) {}

  absl::Status Run(const PackedLayout& layout, Direction direction,
                   ConstRows input, Rows output, float* state,
                   Workspace& workspace) const override {
    return onednn::Catch([&] {
      projection_.Run(layout.rows(), input.data, output.data, workspace);
      RunSteps(layout, direction, output, state, workspace);
    });
  }

  int64_t memory_bytes() const override {
    return projection_.memory_bytes() + recurrence_.memory_bytes();
  }

 private:
  void RunSteps(const PackedLayout& layout, Direction direction, Rows output,
                float* state, Workspace& workspace) const {
    PackedMatmul::Call step;
    const float* before = nullptr;  // the rows of the time step before
    const int64_t last = layout.steps() - 1;
    for (int64_t i = 0; i <= last; ++i) {
      const int64_t t = direction == Direction::kForward ? i : last - i;
      const int64_t rows = layout.batch_size(t);
      float* target = output.data + layout.row(0, t) * output.stride;
      const float* source = state;
      if (before != nullptr && dense_output_ && rows <= step.rows()) {
        // Those that have ended leave their state; the others go on from where
        // it lies.
        Keep(before, output.stride, rows, step.rows(), state);
        source = before;
      } else if (before != nullptr) {
        Keep(before, output.stride, 0, step.rows(), state);
      }
      if (rows != step.rows()) {
        step = PackedMatmul::Call(recurrence_, rows, workspace);
      }
      step.Run(source, target);
      before = target;
    }
    Keep(before, output.stride, 0, step.rows(), state);
  }

  // Copies rows [first, end) of a time step to the state.
  void Keep(const float* rows, int64_t stride, int64_t first, int64_t end,
            float* state) const {
    for (int64_t row = first; row < end; ++row) {
      std::memcpy(state + row * hidden_size_, rows + row * stride,
                  hidden_size_ * sizeof(float));
    }
  }

  const int64_t hidden_size_;  // H
  const bool dense_output_;    // rows of H floats, one behind the other
  const PackedMatmul projection_;
  const PackedMatmul recurrence_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Kernel>> MakeSplitKernel(
    const LayerWeights& weights, const KernelOptions& options) {
  std::unique_ptr<const Kernel> kernel;
  RETURN_IF_ERROR(onednn::Catch(
      [&] { kernel = std::make_unique<SplitKernel>(weights, options); }));
  return kernel;
}

}  // namespace unroll
