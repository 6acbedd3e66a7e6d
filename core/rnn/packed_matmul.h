#ifndef UNROLL_CORE_RNN_PACKED_MATMUL_H_
#define UNROLL_CORE_RNN_PACKED_MATMUL_H_

// Included by .cc files of rnn/ only, as onednn.h.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/model/tensor.h"
#include "core/rnn/onednn.h"
#include "core/rnn/workspace.h"

namespace unroll {

// y = x W^T + b for 1 to max_rows rows, with what oneDNN can do to y in
// passing. Everything is made and packed at construction. Immutable,
// thread-safe; throws dnnl::error.
class PackedMatmul {
 public:
  struct Options {
    int64_t source_stride = 0;  // floats from row to row of x
    int64_t target_stride = 0;  // of y
    int64_t max_rows = 1;
    dnnl::post_ops post_ops;
  };

  // `weight` is [outputs, inputs], as torch.nn.Linear has it; `bias` [outputs],
  // or empty. Neither is kept.
  PackedMatmul(const Tensor& weight, const std::vector<float>& bias,
               const Options& options);

  // A number of rows, ready to run any number of times on one thread.
  class Call {
   public:
    Call() = default;
    Call(const PackedMatmul& matmul, int64_t rows, Workspace& workspace);

    int64_t rows() const { return rows_; }
    void Run(const float* source, float* target);

   private:
    int64_t rows_ = 0;
    const dnnl::primitive* primitive_ = nullptr;
    dnnl::memory source_, target_;
    std::unordered_map<int, dnnl::memory> arguments_;
  };

  // Any number of rows, in tiles of max_rows.
  void Run(int64_t rows, const float* source, float* target,
           Workspace& workspace) const;

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }
  int64_t memory_bytes() const;  // of the packed weights

 private:
  bool MakePrimitives(dnnl::memory::format_tag tag);

  const int64_t inputs_;
  const int64_t outputs_;
  const std::vector<float> bias_;
  const Options options_;
  dnnl::memory::desc weights_desc_;
  dnnl::memory weights_;
  std::vector<onednn::Prepared> primitives_;  // [max_rows]: for 1, 2, ... rows
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_PACKED_MATMUL_H_
