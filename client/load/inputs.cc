#include "client/load/inputs.h"

#include <random>

namespace unroll::client {
namespace {

constexpr int64_t kRows = 1024;

}  // namespace

Inputs::Inputs(const v1::GetModelResponse& model, int64_t longest,
               uint64_t seed)
    : rows_(kRows), width_(model.spec().input_size()) {
  std::mt19937_64 generator(seed);
  if (model.vocabulary_size() > 0) {
    std::uniform_int_distribution<int64_t> token(0,
                                                 model.vocabulary_size() - 1);
    tokens_.resize(rows_ + longest);
    for (int64_t& id : tokens_) id = token(generator);
    return;
  }
  std::uniform_real_distribution<float> feature(-1, 1);
  std::vector<float> values((rows_ + longest) * width_);
  for (float& value : values) value = feature(generator);
  features_.assign(reinterpret_cast<const char*>(values.data()),
                   values.size() * sizeof(float));
}

template <typename Message>
void Inputs::FillInto(int64_t first, int64_t count, Message& message) const {
  first %= rows_;
  if (!tokens_.empty()) {
    auto& ids = *message.mutable_token_ids()->mutable_ids();
    ids.Assign(tokens_.begin() + first, tokens_.begin() + first + count);
    return;
  }
  const int64_t row = width_ * static_cast<int64_t>(sizeof(float));
  v1::Tensor& tensor = *message.mutable_features();
  tensor.set_data_type(v1::FLOAT32);
  tensor.clear_shape();
  tensor.add_shape(count);
  tensor.add_shape(width_);
  tensor.mutable_data()->assign(features_, first * row, count * row);
}

void Inputs::Fill(int64_t first, int64_t count, v1::Sequence& sequence) const {
  FillInto(first, count, sequence);
}

void Inputs::Fill(int64_t first, int64_t count,
                  v1::LiveRequest& request) const {
  FillInto(first, count, request);
}

}  // namespace unroll::client
