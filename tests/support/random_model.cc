#include "tests/support/random_model.h"

#include <cmath>

#include "core/base/checked.h"

namespace unroll::testing {
namespace {

Tensor RandomTensor(const Shape& shape, double scale, std::mt19937& generator) {
  Tensor tensor{shape, RandomFloats(*CheckedElements(shape), generator)};
  for (float& value : tensor.values) value *= static_cast<float>(scale);
  return tensor;
}

}  // namespace

Model RandomModel(const RandomModelOptions& options, std::mt19937& generator) {
  Model model;
  const Spec& spec = options.spec;
  model.info.name = "random";
  model.info.version = 1;
  model.info.spec = spec;
  model.info.vocabulary_size = options.vocabulary_size;
  model.info.head = options.head;
  const int64_t h = spec.hidden_size;
  const double scale = 1 / std::sqrt(static_cast<double>(h));
  for (int64_t i = 0; i < spec.num_layers * spec.directions; ++i) {
    const int64_t k =
        i < spec.directions ? spec.input_size : spec.hidden_width();
    LayerWeights layer;
    layer.weight_ih = RandomTensor({h, k}, scale, generator);
    layer.weight_hh = RandomTensor({h, h}, scale, generator);
    if (spec.bias) {
      layer.bias_ih = RandomTensor({h}, scale, generator);
      layer.bias_hh = RandomTensor({h}, scale, generator);
    }
    model.weights.layers.push_back(std::move(layer));
  }
  if (options.vocabulary_size > 0) {
    model.weights.embedding =
        RandomTensor({options.vocabulary_size, spec.input_size}, 1, generator);
  }
  if (options.head) {
    const int64_t c = options.head->classes;
    model.weights.head.weight =
        RandomTensor({c, spec.hidden_width()}, scale, generator);
    if (spec.bias) model.weights.head.bias = RandomTensor({c}, 1, generator);
  }
  return model;
}

std::vector<float> RandomFloats(int64_t count, std::mt19937& generator) {
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(generator);
  return values;
}

Matrix ToMatrix(const std::vector<float>& values, int64_t columns) {
  Matrix rows;
  for (size_t i = 0; i < values.size(); i += columns) {
    rows.emplace_back(values.begin() + i, values.begin() + i + columns);
  }
  return rows;
}

}  // namespace unroll::testing
