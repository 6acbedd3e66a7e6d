#include <unordered_map>
#include <vector>

#include "core/base/status_macros.h"
#include "core/rnn/kernel.h"
#include "core/rnn/onednn.h"

namespace unroll {
namespace {

using dnnl::memory;

constexpr auto kFloat = memory::data_type::f32;

class PrimitiveKernel final : public Kernel {
 public:
  // Throws dnnl::error.
  PrimitiveKernel(const LayerWeights& weights, Nonlinearity nonlinearity,
                  const PrimitiveOptions& options)
      : input_size_(weights.weight_ih.shape[1]),
        hidden_size_(weights.weight_hh.shape[0]),
        nonlinearity_(nonlinearity),
        options_(options),
        bias_(SumOfBiases(weights)) {
    bias_.resize(hidden_size_, 0.0f);
    // oneDNN chooses the weights' layout by the number of rows. On AVX-512 it
    // is always the same; where it is not, the plain layout serves all.
    if (!MakePrimitives(memory::format_tag::any)) {
      MakePrimitives(memory::format_tag::ldigo);
    }
    PackWeights(weights);
  }

  absl::Status Run(const PackedLayout& layout, Direction direction,
                   LayerInput input, Rows output, float* state,
                   Workspace& workspace, Cores::Lease&) const override {
    return onednn::Catch([&] {
      StepRun run;
      const int64_t last = layout.steps() - 1;
      for (int64_t i = 0; i <= last; ++i) {
        const int64_t t = direction == Direction::kForward ? i : last - i;
        if (layout.batch_size(t) != run.rows) {
          run = Prepare(layout.batch_size(t), state, workspace);
        }
        Step(layout.row(0, t), input.rows, output, state, run);
      }
    });
  }

  int64_t memory_bytes() const override {
    return static_cast<int64_t>(weights_layer_.get_desc().get_size() +
                                weights_iter_.get_desc().get_size() +
                                bias_.size() * sizeof(float));
  }

 private:
  // Makes a primitive for each number of rows, with weights of layout `tag`.
  // False when they disagree about the layout that `any` stands for.
  bool MakePrimitives(memory::format_tag tag) {
    steps_.clear();
    for (int64_t rows = 1; rows <= options_.max_rows; ++rows) {
      const auto desc = onednn::VanillaRnn(StepArguments(rows, tag));
      if (rows == 1) {
        weights_layer_desc_ = desc.weights_layer_desc();
        weights_iter_desc_ = desc.weights_iter_desc();
      } else if (desc.weights_layer_desc() != weights_layer_desc_ ||
                 desc.weights_iter_desc() != weights_iter_desc_) {
        return false;
      }
      steps_.emplace_back(desc);
    }
    return true;
  }

  onednn::VanillaRnnArguments StepArguments(int64_t rows,
                                            memory::format_tag tag) const {
    const int64_t h = hidden_size_;
    return {.activation = nonlinearity_ == Nonlinearity::kTanh
                              ? dnnl::algorithm::eltwise_tanh
                              : dnnl::algorithm::eltwise_relu,
            .src_layer = StepRows(rows, input_size_, options_.input_stride),
            .src_iter = {{1, 1, rows, h}, kFloat, memory::format_tag::ldnc},
            .weights_layer = {{1, 1, input_size_, 1, h}, kFloat, tag},
            .weights_iter = {{1, 1, h, 1, h}, kFloat, tag},
            .bias = {{1, 1, 1, h}, kFloat, memory::format_tag::ldgo},
            .dst_layer = StepRows(rows, h, options_.output_stride)};
  }

  // [1, rows, columns]: the rows of one time step.
  static memory::desc StepRows(int64_t rows, int64_t columns, int64_t stride) {
    return {{1, rows, columns}, kFloat, {rows * stride, stride, 1}};
  }

  // From PyTorch's [H, K] to oneDNN's [1, 1, K, 1, H], packed.
  void PackWeights(const LayerWeights& weights) {
    const memory::dims transposed_ih = {1, 1, input_size_, 1, hidden_size_};
    const memory::dims transposed_hh = {1, 1, hidden_size_, 1, hidden_size_};
    weights_layer_ =
        onednn::Reorder({transposed_ih, kFloat, memory::format_tag::ldgoi},
                        weights.weight_ih.values.data(), weights_layer_desc_);
    weights_iter_ =
        onednn::Reorder({transposed_hh, kFloat, memory::format_tag::ldgoi},
                        weights.weight_hh.values.data(), weights_iter_desc_);
  }

  // What the steps of one number of rows share.
  struct StepRun {
    int64_t rows = 0;
    memory input, output;
    std::unordered_map<int, memory> arguments;
  };

  StepRun Prepare(int64_t rows, float* state, Workspace& workspace) const {
    const onednn::Prepared& step = steps_[rows - 1];
    const auto descs = StepArguments(rows, memory::format_tag::ldigo);
    StepRun run;
    run.rows = rows;
    run.input = onednn::Over(descs.src_layer, nullptr);
    run.output = onednn::Over(descs.dst_layer, nullptr);
    std::byte* scratchpad =
        workspace.Bytes(Workspace::kScratchpad, step.scratchpad.get_size());
    run.arguments = {
        {DNNL_ARG_SRC_LAYER, run.input},
        {DNNL_ARG_SRC_ITER, onednn::Over(descs.src_iter, state)},
        {DNNL_ARG_WEIGHTS_LAYER, weights_layer_},
        {DNNL_ARG_WEIGHTS_ITER, weights_iter_},
        {DNNL_ARG_BIAS, onednn::Over(descs.bias, bias_.data())},
        {DNNL_ARG_DST_LAYER, run.output},
        {DNNL_ARG_SCRATCHPAD, onednn::Over(step.scratchpad, scratchpad)}};
    return run;
  }

  // One time step, whose rows begin at `first`. The state of slots that are not
  // running then is left alone: going forward they have ended and it is their
  // last; going backward they have not begun and it is their first.
  void Step(int64_t first, ConstRows input, Rows output, float* state,
            StepRun& run) const {
    float* out = output.data + first * output.stride;
    run.input.set_data_handle(
        const_cast<float*>(input.data + first * input.stride));
    run.output.set_data_handle(out);
    steps_[run.rows - 1].primitive.execute(onednn::Stream(), run.arguments);
    for (int64_t row = 0; row < run.rows; ++row) {
      CopyRow(out + row * output.stride, state + row * hidden_size_,
              hidden_size_);
    }
  }

  const int64_t input_size_;   // K
  const int64_t hidden_size_;  // H
  const Nonlinearity nonlinearity_;
  const PrimitiveOptions options_;
  std::vector<onednn::Prepared> steps_;  // [max_rows]: for 1, 2, ... rows
  memory::desc weights_layer_desc_, weights_iter_desc_;
  memory weights_layer_, weights_iter_;
  std::vector<float> bias_;  // [H]: b_ih + b_hh
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Kernel>> MakePrimitiveKernel(
    const LayerWeights& weights, Nonlinearity nonlinearity,
    const PrimitiveOptions& options) {
  std::unique_ptr<const Kernel> kernel;
  RETURN_IF_ERROR(onednn::Catch([&] {
    kernel = std::make_unique<PrimitiveKernel>(weights, nonlinearity, options);
  }));
  return kernel;
}

}  // namespace unroll
