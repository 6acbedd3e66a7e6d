#ifndef UNROLL_CORE_RNN_HEAD_H_
#define UNROLL_CORE_RNN_HEAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/model/model.h"
#include "core/rnn/linear.h"
#include "core/rnn/workspace.h"

namespace unroll {

// The head's Linear layers, one after the other. Immutable, thread-safe.
class Head {
 public:
  // Packs the weights and lets each go once that is done. Throws
  // std::bad_alloc.
  Head(const HeadSpec& spec, std::vector<LinearWeights>& weights,
       Precision precision);

  // Where the rows to be read go: [rows, D*H], in `workspace`.
  float* Input(int64_t rows, Workspace& workspace) const {
    return workspace.Floats(Workspace::kHeadEven,
                            rows * layers_.front()->inputs());
  }
  // The scores of those rows, [rows, C], in `workspace` as well.
  const float* Run(int64_t rows, const float* input,
                   Workspace& workspace) const;

  int64_t classes() const { return layers_.back()->outputs(); }  // C
  int64_t memory_bytes() const;  // of the packed weights

 private:
  std::vector<std::unique_ptr<const Linear>> layers_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_HEAD_H_
