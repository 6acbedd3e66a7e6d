#include "core/rnn/kernel.h"

namespace unroll {

std::vector<float> SumOfBiases(const LayerWeights& weights) {
  std::vector<float> bias = weights.bias_ih.values;
  for (size_t i = 0; i < bias.size(); ++i) bias[i] += weights.bias_hh.values[i];
  return bias;
}

}  // namespace unroll
