#ifndef UNROLL_CORE_LOAD_EXAMPLE_H_
#define UNROLL_CORE_LOAD_EXAMPLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/load/loader.h"
#include "core/model/model.h"
#include "core/model/tensor.h"

namespace unroll {

// What a model's owner says that it gives for N sequences of T steps each: the
// tensors of example.safetensors, with shapes as torch.nn.RNN has them with
// batch_first.
struct Example {
  int64_t sequences = 0;         // N
  int64_t steps = 0;             // T
  std::vector<float> features;   // [N, T, I], or else
  std::vector<int32_t> tokens;   // [N, T]
  Tensor h_0;                    // [L*D, N, H]; empty: zeros
  std::optional<Tensor> hidden;  // [N, T, D*H]
  std::optional<Tensor> h_n;     // [L*D, N, H]
  std::optional<Tensor> scores;  // [N, T, C], or [N, C] of a head that is
                                 // applied once
};

// Reads example.safetensors, if there is one: `input` or `tokens` (I64 or I32),
// maybe `h_0`, and at least one of `hidden`, `h_n`, `scores`; N may be left out
// of all shapes.
// INVALID_ARGUMENT: the file is broken, is larger than 16 MiB or has more than
// 4096 steps (of all sequences), lacks one of these or has others, or a shape
// or a token does not fit the model. As File's errors besides.
absl::StatusOr<std::optional<Example>> LoadExample(const ModelPath& path,
                                                   const ModelInfo& info);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_EXAMPLE_H_
