#ifndef UNROLL_CORE_RNN_LINEAR_H_
#define UNROLL_CORE_RNN_LINEAR_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/rnn/workspace.h"

namespace unroll {

// y = g(W x + b) for any number of rows, in tiles of at most max_rows.
// Immutable, thread-safe.
class Linear {
 public:
  virtual ~Linear() = default;

  // `input` is [rows, inputs], `output` [rows, outputs], both dense.
  // INTERNAL: oneDNN failed.
  virtual absl::Status Run(int64_t rows, const float* input, float* output,
                           Workspace& workspace) const = 0;

  virtual int64_t outputs() const = 0;
  virtual int64_t memory_bytes() const = 0;  // of the packed weights
};

// Makes and packs everything; `weights` is not kept. INTERNAL: oneDNN failed.
absl::StatusOr<std::unique_ptr<const Linear>> MakeLinear(
    const LinearWeights& weights, Activation activation, int64_t max_rows);

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_LINEAR_H_
