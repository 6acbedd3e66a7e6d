#ifndef UNROLL_CORE_RNN_LINEAR_H_
#define UNROLL_CORE_RNN_LINEAR_H_

#include <cstdint>

#include "core/model/model.h"
#include "core/rnn/packed_matmul.h"

namespace unroll {

// y = g(W x + b) for any number of rows, each row's bits its own. Immutable,
// thread-safe.
class Linear {
 public:
  // `weights` is not kept. Throws std::bad_alloc.
  Linear(const LinearWeights& weights, Activation activation,
         Precision precision);

  // `input` is [rows, inputs], `output` [rows, outputs], both dense.
  void Run(int64_t rows, const float* input, float* output,
           Workspace& workspace) const;

  int64_t inputs() const { return matmul_.inputs(); }
  int64_t outputs() const { return matmul_.outputs(); }
  int64_t memory_bytes() const { return matmul_.memory_bytes(); }

 private:
  const Activation activation_;
  const PackedMatmul matmul_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_LINEAR_H_
