#ifndef UNROLL_CORE_RNN_HEAD_H_
#define UNROLL_CORE_RNN_HEAD_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/rnn/workspace.h"

namespace unroll {

// scores = g(W x + b) for any number of rows, in tiles of at most max_rows.
// Immutable, thread-safe.
class Head {
 public:
  virtual ~Head() = default;

  // `input` is [rows, D*H], `scores` [rows, C], both dense.
  // INTERNAL: oneDNN failed.
  virtual absl::Status Run(int64_t rows, const float* input, float* scores,
                           Workspace& workspace) const = 0;

  virtual int64_t classes() const = 0;       // C
  virtual int64_t memory_bytes() const = 0;  // of the packed weights
};

// Makes and packs everything; `weights` is not kept. INTERNAL: oneDNN failed.
absl::StatusOr<std::unique_ptr<const Head>> MakeHead(const HeadWeights& weights,
                                                     Activation activation,
                                                     int64_t max_rows);

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_HEAD_H_
