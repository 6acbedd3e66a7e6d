#ifndef UNROLL_CORE_RNN_HEAD_H_
#define UNROLL_CORE_RNN_HEAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/rnn/linear.h"
#include "core/rnn/workspace.h"

namespace unroll {

// The head's Linear layers, one after the other. Immutable, thread-safe.
class Head {
 public:
  // Packs the weights and lets each go once that is done.
  // INTERNAL: oneDNN failed.
  static absl::StatusOr<std::unique_ptr<const Head>> Create(
      const HeadSpec& spec, std::vector<LinearWeights>& weights,
      int64_t max_rows);

  // Where the rows to be read go: [rows, D*H], in `workspace`.
  float* Input(int64_t rows, Workspace& workspace) const {
    return workspace.Floats(Workspace::kHeadEven, rows * width_);
  }
  // The scores of those rows, [rows, C], in `workspace` as well.
  // INTERNAL: oneDNN failed.
  absl::StatusOr<const float*> Run(int64_t rows, const float* input,
                                   Workspace& workspace) const;

  int64_t classes() const { return layers_.back()->outputs(); }  // C
  int64_t memory_bytes() const;  // of the packed weights

 private:
  explicit Head(int64_t width) : width_(width) {}

  const int64_t width_;  // D*H
  std::vector<std::unique_ptr<const Linear>> layers_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_HEAD_H_
