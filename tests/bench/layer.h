#ifndef UNROLL_TESTS_BENCH_LAYER_H_
#define UNROLL_TESTS_BENCH_LAYER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "tests/bench/workload.h"

namespace unroll::bench {

// N sequences of T steps each through one layer of tanh.
struct LayerShape {
  int64_t steps = 0;        // T
  int64_t sequences = 0;    // N
  int64_t input_size = 0;   // I
  int64_t hidden_size = 0;  // H
};

// A way of running it.
struct LayerOptions {
  KernelChoice kernel = KernelChoice::kSplit;  // kSplit or kPrimitive
  Precision precision = Precision::kFloat32;   // of the split kernel
  // Each row of the input is a token of its own, its embedding that row: the
  // split kernel makes a table of them. Results are the same.
  bool tokens = false;
};

// The layer, from h_0 = 0, with the numbers of a file: little-endian float32,
// weight_ih [H, I], weight_hh [H, H], bias_ih [H], bias_hh [H], and the input
// [T, N, I], one behind the other. Its output is [T, N, H].
// INVALID_ARGUMENT: a size that is not 1 to 65536, or a file of another size.
// As ReadFile's and the kernel's errors besides.
absl::StatusOr<std::unique_ptr<Workload>> MakeLayer(
    const LayerShape& shape, const std::string& path,
    const LayerOptions& options);

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_LAYER_H_
