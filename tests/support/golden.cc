#include "tests/support/golden.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/compare.h"
#include "tests/support/golden_files.h"
#include "tests/support/safetensors_builder.h"

namespace unroll::golden {
namespace {

// As in make_golden.py: which tensor of a case a hash is for.
enum TensorId : uint64_t {
  kInput,
  kInitialState,
  kEmbedding,
  kHeadWeight,
  kHeadBias,
  kLayer0 = 16,  // four a layer and direction
};

// 24 bits of splitmix64 at (case, tensor, element).
uint32_t Hash(uint64_t case_id, uint64_t tensor_id, uint64_t index) {
  uint64_t z = (case_id << 48 | tensor_id << 40) + index + 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return static_cast<uint32_t>((z ^ z >> 31) >> 40);
}

// A power of two not far above 1 / sqrt(fan_in).
float Scale(int64_t fan_in) {
  float scale = 1.0f;
  for (int64_t square = 4; square <= fan_in; square *= 4) scale /= 2;
  return scale;
}

Tensor Hashed(const Case& c, uint64_t tensor_id, Shape shape, float bound) {
  const int64_t size = std::accumulate(shape.begin(), shape.end(), int64_t{1},
                                       std::multiplies<>());
  Tensor tensor = {std::move(shape), std::vector<float>(size)};
  for (int64_t i = 0; i < size; ++i) {
    tensor.values[i] = HashedValue(c.id, tensor_id, i, bound);
  }
  return tensor;
}

LayerWeights Layer(const Case& c, int64_t layer, int64_t direction) {
  const int64_t h = c.spec.hidden_size;
  const int64_t k = layer == 0 ? c.spec.input_size : c.spec.hidden_width();
  const uint64_t id = kLayer0 + 4 * (layer * c.spec.directions + direction);
  LayerWeights weights = {.weight_ih = Hashed(c, id, {h, k}, Scale(h)),
                          .weight_hh = Hashed(c, id + 1, {h, h}, Scale(h))};
  if (c.spec.bias) {
    weights.bias_ih = Hashed(c, id + 2, {h}, Scale(h));
    weights.bias_hh = Hashed(c, id + 3, {h}, Scale(h));
  }
  return weights;
}

ModelWeights Weights(const Case& c) {
  ModelWeights weights;
  for (int64_t layer = 0; layer < c.spec.num_layers; ++layer) {
    for (int64_t direction = 0; direction < c.spec.directions; ++direction) {
      weights.layers.push_back(Layer(c, layer, direction));
    }
  }
  if (c.vocabulary_size > 0) {
    weights.embedding =
        Hashed(c, kEmbedding, {c.vocabulary_size, c.spec.input_size}, 1.0f);
  }
  if (c.head) {
    const int64_t width = c.spec.hidden_width();
    weights.head.emplace_back().weight =
        Hashed(c, kHeadWeight, {c.head->classes(), width}, Scale(width));
    if (c.head_has_bias) {
      weights.head[0].bias = Hashed(c, kHeadBias, {c.head->classes()}, 1.0f);
    }
  }
  return weights;
}

}  // namespace

float HashedValue(uint64_t case_id, uint64_t tensor_id, uint64_t index,
                  float bound) {
  constexpr int32_t kHalf = 1 << 23;
  const int32_t centred =
      static_cast<int32_t>(Hash(case_id, tensor_id, index)) - kHalf;
  return static_cast<float>(centred) / kHalf * bound;
}

const std::vector<Case>& Cases() {
  static const auto& cases = *new std::vector<Case>(ReadCases());
  return cases;
}

std::vector<Case> ForwardCases() {
  std::vector<Case> cases = Cases();
  std::erase_if(cases, [](const Case& c) { return !c.spec.incremental(); });
  return cases;
}

const Case& FindCase(std::string_view name) {
  const auto found =
      std::find_if(Cases().begin(), Cases().end(),
                   [name](const Case& c) { return c.name == name; });
  if (found == Cases().end()) {
    std::cerr << "no golden case " << name << "\n";
    std::abort();
  }
  return *found;
}

std::vector<NamedTensor> StateDict(const Case& c) {
  ModelWeights weights = Weights(c);
  std::vector<NamedTensor> tensors;
  const auto add = [&tensors](std::string name, Tensor& tensor) {
    if (!tensor.empty()) tensors.push_back({name, std::move(tensor)});
  };
  add("embedding.weight", weights.embedding);
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    LayerWeights& layer = weights.layers[i];
    const std::string suffix =
        absl::StrCat("_l", i / c.spec.directions,
                     i % c.spec.directions == 1 ? "_reverse" : "");
    add(absl::StrCat("rnn.weight_ih", suffix), layer.weight_ih);
    add(absl::StrCat("rnn.weight_hh", suffix), layer.weight_hh);
    add(absl::StrCat("rnn.bias_ih", suffix), layer.bias_ih);
    add(absl::StrCat("rnn.bias_hh", suffix), layer.bias_hh);
  }
  for (LinearWeights& head : weights.head) {
    add("head.weight", head.weight);
    add("head.bias", head.bias);
  }
  return tensors;
}

Model BuildModel(const Case& c) {
  Model model;
  model.info.name = c.name;
  model.info.version = 1;
  model.info.spec = c.spec;
  model.info.vocabulary_size = c.vocabulary_size;
  model.info.head = c.head;
  model.weights = Weights(c);
  return model;
}

void WriteModelFolder(const Case& c, const std::string& directory) {
  std::filesystem::create_directories(directory);
  testing::SafetensorsBuilder weights;
  for (const auto& [name, tensor] : StateDict(c)) {
    weights.AddF32(name, tensor.shape, tensor.values);
  }
  WriteFile(absl::StrCat(directory, "/model.safetensors"), weights.Build());
  WriteConfig(c, absl::StrCat(directory, "/config.json"));
}

Tensor Features(const Case& c) {
  if (c.vocabulary_size > 0) return {};
  return Hashed(c, kInput, {c.steps, c.spec.input_size}, 1.0f);
}

std::vector<int32_t> Tokens(const Case& c) {
  std::vector<int32_t> tokens;
  for (int64_t t = 0; c.vocabulary_size > 0 && t < c.steps; ++t) {
    tokens.push_back(
        static_cast<int32_t>(Hash(c.id, kInput, t) % c.vocabulary_size));
  }
  return tokens;
}

Tensor InitialState(const Case& c) {
  const Shape shape = {c.spec.num_layers * c.spec.directions,
                       c.spec.hidden_size};
  if (c.has_initial_state) return Hashed(c, kInitialState, shape, 1.0f);
  return {shape, std::vector<float>(shape[0] * shape[1])};
}

Outputs Expected(const Case& c) {
  Outputs outputs = {.hidden = ReadOutput(absl::StrCat(c.name, ".hidden")),
                     .h_n = ReadOutput(absl::StrCat(c.name, ".h_n"))};
  if (c.head) outputs.scores = ReadOutput(absl::StrCat(c.name, ".scores"));
  return outputs;
}

::testing::AssertionResult IsNear(std::span<const float> got,
                                  const Array& want) {
  return testing::IsClose(got, want.values, want.shape);
}

void ExpectNear(std::span<const float> got, const Array& want,
                std::string_view what) {
  EXPECT_TRUE(IsNear(got, want)) << what;
}

}  // namespace unroll::golden
