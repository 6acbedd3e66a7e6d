#ifndef UNROLL_CORE_MODEL_MODEL_H_
#define UNROLL_CORE_MODEL_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/spec.h"
#include "core/model/tensor.h"
#include "core/model/vocabulary.h"

namespace unroll {

// One layer in one direction, as torch.nn.RNN stores it. K is what the layer
// reads: I for the first, D*H for the others.
struct LayerWeights {
  Tensor weight_ih;  // [H, K]
  Tensor weight_hh;  // [H, H]
  Tensor bias_ih;    // [H], empty without bias
  Tensor bias_hh;    // [H], empty without bias
};

// y = weight x + bias, as torch.nn.Linear stores it.
struct LinearWeights {
  Tensor weight;  // [out, in]
  Tensor bias;    // [out], empty without bias
};

// Linear layers, each with an activation: y = g(W x + b). The first reads
// [D*H], the last gives the scores [C].
struct HeadSpec {
  struct Layer {
    int64_t width = 0;  // of y
    Activation activation = Activation::kIdentity;
  };
  std::vector<Layer> layers;  // at least one
  AppliedTo applied_to = AppliedTo::kEachStep;

  int64_t classes() const { return layers.back().width; }  // C
  Activation activation() const { return layers.back().activation; }
  bool each_step() const { return applied_to == AppliedTo::kEachStep; }
};

// x' = (x - mean) / std of each feature, before the first layer.
struct Normalization {
  Tensor mean;  // [I]
  Tensor std;   // [I], above 0

  bool empty() const { return mean.empty(); }
};

// How the server knows a fact about a model.
enum class FactSource {
  kRead,        // from the weights' names and shapes
  kConfigured,  // from config.json
  kAssumed      // a default: worth a look when numbers differ
};
std::string_view Name(FactSource source);  // "read", "configured", "assumed"

struct Fact {
  std::string name;   // e.g. "nonlinearity"
  std::string value;  // e.g. "tanh"
  FactSource source;
};

// Which way of running the layers a model's config asks for.
enum class KernelChoice { kAuto, kPrimitive, kSplit };
std::string_view Name(KernelChoice choice);

// All that is known of a model but its numbers. Immutable once loaded.
struct ModelInfo {
  std::string name;
  int64_t version = 0;
  std::string fingerprint;  // SHA-256, 64 hexadecimal digits; see fingerprint.h
  Spec spec;
  // V: rows of the embedding, or I for one-hot input; 0: input is features.
  int64_t vocabulary_size = 0;
  // Token i is the i-th unit vector: there is a vocabulary and no embedding.
  bool one_hot = false;
  std::optional<HeadSpec> head;
  std::optional<Vocabulary> vocabulary;
  std::vector<std::string> labels;     // C of them, or none
  std::optional<KernelChoice> kernel;  // nothing: the server's own choice
  Precision precision = Precision::kFloat32;
  std::map<std::string, std::string> metadata;  // what the file says besides
  std::vector<Fact> facts;
};

struct ModelWeights {
  Normalization normalization;       // empty without one
  Tensor embedding;                  // [V, I], empty without one
  std::vector<LayerWeights> layers;  // [L*D]: layer-major, forward first
  std::vector<LinearWeights> head;   // of HeadSpec's layers
};

struct Model {
  ModelInfo info;
  ModelWeights weights;
};

// The names and shapes of a sequence's state tensors, in order. Zeros are the
// beginning of a sequence.
//   h           [L*D, H]  layer-major, forward before backward: nn.RNN's h_n
// and for a head that reads the mean or maximum of hidden so far:
//   pool        [2, D*H]  mean: its sum, as two numbers that add up to it
//               [1, D*H]  max: the maximum
//   pool_steps  [1]       the steps that are in it
struct StateTensorSpec {
  std::string_view name;
  Shape shape;
};
std::vector<StateTensorSpec> StateSpec(const ModelInfo& info);

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_MODEL_H_
