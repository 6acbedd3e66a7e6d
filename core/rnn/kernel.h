#ifndef UNROLL_CORE_RNN_KERNEL_H_
#define UNROLL_CORE_RNN_KERNEL_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/rnn/packed_layout.h"
#include "core/rnn/workspace.h"

namespace unroll {

// Which way a layer is run along time. The backward direction of a sequence
// starts at that sequence's own last step.
enum class Direction { kForward, kBackward };

// Rows of floats, `stride` floats from one to the next.
struct ConstRows {
  const float* data;
  int64_t stride;
};
struct Rows {
  float* data;
  int64_t stride;
};

// A way of running a packed batch through one layer in one direction. Holds
// that layer's weights, packed. Immutable, so one kernel serves all threads at
// once.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) for all rows of `layout`.
  // `input` has layout.rows() rows of K floats, `output` receives as many of H.
  // `state` is [N, H] in slot order: h before each sequence's first step going
  // in, h after its last coming out (in this direction's order of time).
  // REQUIRES: layout.sequences() <= the max_rows it was made for; the strides
  // it was made for; memory that does not overlap. INTERNAL: oneDNN failed;
  // output and state are then undefined.
  virtual absl::Status Run(const PackedLayout& layout, Direction direction,
                           ConstRows input, Rows output, float* state,
                           Workspace& workspace) const = 0;

  // What the weights take here, in bytes.
  virtual int64_t memory_bytes() const = 0;
};

struct KernelOptions {
  Nonlinearity nonlinearity = Nonlinearity::kTanh;
  int64_t input_stride = 0;   // of Run's input, in floats: >= K
  int64_t output_stride = 0;  // of Run's output, in floats: >= H
  int64_t max_rows = 1;       // the most sequences in a batch
};

// The kernel on oneDNN's vanilla RNN primitive, a time step a call. Everything
// is made and packed here, nothing while running. `weights` is not kept.
// INTERNAL: oneDNN failed.
absl::StatusOr<std::unique_ptr<const Kernel>> MakePrimitiveKernel(
    const LayerWeights& weights, const KernelOptions& options);

// The kernel on oneDNN's matmul: the input projection of all rows of the batch,
// then a matmul a time step onto it, with sum and nonlinearity in passing.
// Otherwise as MakePrimitiveKernel.
absl::StatusOr<std::unique_ptr<const Kernel>> MakeSplitKernel(
    const LayerWeights& weights, const KernelOptions& options);

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_KERNEL_H_
