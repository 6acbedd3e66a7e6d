#ifndef UNROLL_CORE_RNN_TOKEN_TABLE_H_
#define UNROLL_CORE_RNN_TOKEN_TABLE_H_

#include <cstdint>
#include <vector>

#include "core/rnn/kernel.h"
#include "core/rnn/rows.h"

namespace unroll {

// A layer's input projection of every token, [V, H]: a row is copied where it
// would have to be computed. Immutable, thread-safe.
class TokenTable {
 public:
  // `weight_ih` is [H, K], `bias` [H] or empty. Throws std::bad_alloc.
  TokenTable(const TokenInput& input, const Tensor& weight_ih,
             const std::vector<float>& bias, Precision precision);

  // target = the rows of `tokens`, each < V.
  void Read(int64_t rows, const int32_t* tokens, Rows target) const;

  int64_t memory_bytes() const;

 private:
  const int64_t hidden_size_;  // H
  std::vector<float> rows_;    // [V, H]
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_TOKEN_TABLE_H_
