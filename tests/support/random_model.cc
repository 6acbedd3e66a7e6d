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
  model.info.one_hot = options.one_hot;
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
  if (options.normalized) {
    const Shape shape = {spec.input_size};
    model.weights.normalization = {.mean = RandomTensor(shape, 1, generator),
                                   .std = RandomTensor(shape, 1, generator)};
    for (float& std : model.weights.normalization.std.values) {
      std = std::abs(std) + 0.1f;
    }
  }
  if (options.vocabulary_size > 0 && !options.one_hot) {
    model.weights.embedding =
        RandomTensor({options.vocabulary_size, spec.input_size}, 1, generator);
  }
  if (options.head) {
    int64_t reads = spec.hidden_width();
    for (const HeadSpec::Layer& layer : options.head->layers) {
      LinearWeights& linear = model.weights.head.emplace_back();
      linear.weight = RandomTensor({layer.width, reads}, scale, generator);
      if (spec.bias) linear.bias = RandomTensor({layer.width}, 1, generator);
      reads = layer.width;
    }
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
