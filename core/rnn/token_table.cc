#include "core/rnn/token_table.h"

#include <algorithm>

#include "core/rnn/packed_matmul.h"

namespace unroll {

TokenTable::TokenTable(const TokenInput& input, const Tensor& weight_ih,
                       const std::vector<float>& bias, Precision precision)
    : hidden_size_(weight_ih.shape[0]),
      rows_(input.vocabulary_size * hidden_size_) {
  const int64_t k = weight_ih.shape[1];
  if (input.embedding != nullptr) {
    const PackedMatmul projection(weight_ih, bias, precision,
                                  simd::Function::kIdentity);
    const ConstRows embedding = {input.embedding->values.data(), k};
    const Rows table = {rows_.data(), hidden_size_};
    Workspace workspace;
    constexpr int64_t kRows = 256;  // at a time, so that it stays small
    for (int64_t v = 0; v < input.vocabulary_size; v += kRows) {
      projection.Run(std::min(kRows, input.vocabulary_size - v),
                     embedding.From(v), table.From(v), workspace);
    }
    return;
  }
  // A unit vector picks out a column: nothing else adds to the bias.
  for (int64_t h = 0; h < hidden_size_; ++h) {
    for (int64_t token = 0; token < k; ++token) {
      rows_[token * hidden_size_ + h] =
          Rounded(weight_ih.values[h * k + token], precision) +
          (bias.empty() ? 0.0f : bias[h]);
    }
  }
}

void TokenTable::Read(int64_t rows, const int32_t* tokens, Rows target) const {
  for (int64_t row = 0; row < rows; ++row) {
    CopyRow(rows_.data() + tokens[row] * hidden_size_, target.From(row).data,
            hidden_size_);
  }
}

int64_t TokenTable::memory_bytes() const {
  return static_cast<int64_t>(rows_.size() * sizeof(float));
}

}  // namespace unroll
