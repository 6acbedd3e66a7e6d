#ifndef UNROLL_CORE_RNN_KERNEL_H_
#define UNROLL_CORE_RNN_KERNEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/rnn/cores.h"
#include "core/rnn/packed_layout.h"
#include "core/rnn/rows.h"
#include "core/rnn/workspace.h"

namespace unroll {

// Which way a layer is run along time. The backward direction of a sequence
// starts at that sequence's own last step.
enum class Direction { kForward, kBackward };

// What a layer reads, in the layout's order of rows.
struct LayerInput {
  ConstRows rows = {};              // of K floats, or else
  const int32_t* tokens = nullptr;  // one a row, for a kernel made with tokens
};

// A way of running a packed batch through one layer in one direction. Holds
// that layer's weights, packed. Immutable, so one kernel serves all threads at
// once.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) for all rows of `layout`.
  // `input` has layout.rows() rows, `output` receives as many of H floats.
  // `state` is [N, H] in slot order: h before each sequence's first step going
  // in, h after its last coming out (in this direction's order of time).
  // REQUIRES: memory that does not overlap; of a primitive kernel the strides
  // and max_rows that it was made for. INTERNAL: oneDNN failed; output and
  // state are then undefined.
  virtual absl::Status Run(const PackedLayout& layout, Direction direction,
                           LayerInput input, Rows output, float* state,
                           Workspace& workspace, Cores::Lease& cores) const = 0;

  // What it holds, in bytes: weights, and the table of tokens.
  virtual int64_t memory_bytes() const = 0;
  virtual int64_t table_bytes() const { return 0; }
};

// The tokens that a first layer reads in place of rows.
struct TokenInput {
  int64_t vocabulary_size = 0;        // V
  const Tensor* embedding = nullptr;  // [V, K]; null: unit vectors, V = K
};

struct KernelOptions {
  Nonlinearity nonlinearity = Nonlinearity::kTanh;
  Precision precision = Precision::kFloat32;
  std::optional<TokenInput> tokens;  // set: Run reads tokens
};

// The kernel on our own multiply-adds: the input projection of many rows at
// once, then a time step at a time onto it. A sequence's bits depend on nothing
// else in the batch and on no cut into slices. With tokens the projection of
// every token is a table, made here; it has the bits that computing it would
// have. `weights` and `tokens` are not kept. INTERNAL never;
// RESOURCE_EXHAUSTED: out of memory.
absl::StatusOr<std::unique_ptr<const Kernel>> MakeSplitKernel(
    const LayerWeights& weights, const KernelOptions& options);

// What oneDNN has to know beforehand.
struct PrimitiveOptions {
  int64_t input_stride = 0;   // of Run's input, in floats: >= K
  int64_t output_stride = 0;  // of Run's output, in floats: >= H
  int64_t max_rows = 1;       // the most sequences in a batch
};

// The kernel on oneDNN's vanilla RNN primitive, a time step a call. Everything
// is made and packed here, nothing while running. Float32 rows only. A
// sequence's last bits depend on its company. `weights` is not kept.
// INTERNAL: oneDNN failed.
absl::StatusOr<std::unique_ptr<const Kernel>> MakePrimitiveKernel(
    const LayerWeights& weights, Nonlinearity nonlinearity,
    const PrimitiveOptions& options);

// b_ih + b_hh, [H], or empty without biases.
std::vector<float> SumOfBiases(const LayerWeights& weights);

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_KERNEL_H_
