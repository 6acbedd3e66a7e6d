#ifndef UNROLL_CORE_RNN_PACKED_MATMUL_H_
#define UNROLL_CORE_RNN_PACKED_MATMUL_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/model/model.h"
#include "core/model/tensor.h"
#include "core/rnn/cores.h"
#include "core/rnn/rows.h"
#include "core/rnn/workspace.h"
#include "core/simd/ops.h"

namespace unroll {

// f(x W^T + b), or f(y + x W^T), for any number of rows. A row's bits do not
// depend on the others: see simd/ops.h. Shares the columns of a big one out
// between the cores it is given, which changes no bit either. Packs the weights
// at construction, allocates nothing while running. Immutable, thread-safe.
class PackedMatmul {
 public:
  // `weight` is [outputs, inputs], as torch.nn.Linear has it; `bias` [outputs],
  // or empty for zeros. Neither is kept. Throws std::bad_alloc.
  PackedMatmul(const Tensor& weight, const std::vector<float>& bias,
               Precision precision, simd::Function function);

  // target = f(source W^T + b).
  void Run(int64_t rows, ConstRows source, Rows target, Workspace& workspace,
           Cores::Lease* cores = nullptr) const;
  // target = f(target + source W^T); the bias plays no part.
  void RunOnto(int64_t rows, ConstRows source, Rows target,
               Workspace& workspace, Cores::Lease* cores = nullptr) const;

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }
  int64_t memory_bytes() const { return Bytes(outputs_, inputs_, precision_); }
  // What one holds, in bytes.
  static int64_t Bytes(int64_t outputs, int64_t inputs, Precision precision);

 private:
  struct FreeDeleter {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  simd::Matmul Call(int64_t rows, ConstRows source, Rows target,
                    Workspace& workspace) const;
  void Dispatch(const simd::Matmul& call, Cores::Lease* cores) const;
  const int64_t inputs_;
  const int64_t outputs_;
  const Precision precision_;
  const simd::Function function_;
  std::vector<float> bias_;  // [outputs]
  std::unique_ptr<std::byte, FreeDeleter> weights_;
};

// A weight as it is kept. A finite one may become infinite only within half a
// unit in bfloat16's last place of float32's largest.
float Rounded(float weight, Precision precision);

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_PACKED_MATMUL_H_
