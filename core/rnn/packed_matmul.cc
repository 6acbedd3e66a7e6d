#include "core/rnn/packed_matmul.h"

#include <algorithm>

namespace unroll {

using dnnl::memory;

PackedMatmul::PackedMatmul(const Tensor& weight, const std::vector<float>& bias,
                           const Options& options)
    : inputs_(weight.shape[1]),
      outputs_(weight.shape[0]),
      bias_(bias),
      options_(options) {
  // One layout of the weights has to serve every number of rows.
  if (!MakePrimitives(memory::format_tag::any)) {
    MakePrimitives(memory::format_tag::ab);
  }
  weights_ = onednn::Reorder(
      {{inputs_, outputs_}, memory::data_type::f32, memory::format_tag::ba},
      weight.values.data(), weights_desc_);
}

// False when the numbers of rows disagree about the layout `any` stands for.
bool PackedMatmul::MakePrimitives(memory::format_tag tag) {
  primitives_.clear();
  for (int64_t rows = 1; rows <= options_.max_rows; ++rows) {
    const auto desc = onednn::Matmul(
        {.src = onednn::Matrix(rows, inputs_, options_.source_stride),
         .weights = {{inputs_, outputs_}, memory::data_type::f32, tag},
         .bias = bias_.empty() ? memory::desc()
                               : onednn::Matrix(1, outputs_, outputs_),
         .dst = onednn::Matrix(rows, outputs_, options_.target_stride),
         .post_ops = options_.post_ops});
    if (rows == 1) {
      weights_desc_ = desc.weights_desc();
    } else if (desc.weights_desc() != weights_desc_) {
      return false;
    }
    primitives_.emplace_back(desc);
  }
  return true;
}

PackedMatmul::Call::Call(const PackedMatmul& matmul, int64_t rows,
                         Workspace& workspace)
    : rows_(rows) {
  const onednn::Prepared& prepared = matmul.primitives_[rows - 1];
  primitive_ = &prepared.primitive;
  source_ = onednn::Over(
      onednn::Matrix(rows, matmul.inputs_, matmul.options_.source_stride),
      nullptr);
  target_ = onednn::Over(
      onednn::Matrix(rows, matmul.outputs_, matmul.options_.target_stride),
      nullptr);
  std::byte* scratchpad =
      workspace.Bytes(Workspace::kScratchpad, prepared.scratchpad.get_size());
  arguments_ = {
      {DNNL_ARG_SRC, source_},
      {DNNL_ARG_WEIGHTS, matmul.weights_},
      {DNNL_ARG_DST, target_},
      {DNNL_ARG_SCRATCHPAD, onednn::Over(prepared.scratchpad, scratchpad)}};
  if (!matmul.bias_.empty()) {
    arguments_.emplace(
        DNNL_ARG_BIAS,
        onednn::Over(onednn::Matrix(1, matmul.outputs_, matmul.outputs_),
                     matmul.bias_.data()));
  }
}

void PackedMatmul::Call::Run(const float* source, float* target) {
  // The memories in `arguments_` are the same objects.
  source_.set_data_handle(const_cast<float*>(source));
  target_.set_data_handle(target);
  primitive_->execute(onednn::Stream(), arguments_);
}

void PackedMatmul::Run(int64_t rows, const float* source, float* target,
                       Workspace& workspace) const {
  Call call;
  for (int64_t first = 0; first < rows; first += options_.max_rows) {
    const int64_t count = std::min(options_.max_rows, rows - first);
    if (count != call.rows()) call = Call(*this, count, workspace);
    call.Run(source + first * options_.source_stride,
             target + first * options_.target_stride);
  }
}

int64_t PackedMatmul::memory_bytes() const {
  return static_cast<int64_t>(weights_.get_desc().get_size() +
                              bias_.size() * sizeof(float));
}

}  // namespace unroll
