#ifndef UNROLL_CORE_MODEL_MODEL_H_
#define UNROLL_CORE_MODEL_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
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

// scores = g(weight x + bias), x is [D*H].
struct HeadWeights {
  Tensor weight;  // [C, D*H]
  Tensor bias;    // [C], empty without bias
};

struct HeadSpec {
  int64_t classes = 0;  // C
  Activation activation = Activation::kIdentity;
  AppliedTo applied_to = AppliedTo::kEachStep;
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
enum class KernelChoice { kAuto, kPrimitive };
std::string_view Name(KernelChoice choice);

// All that is known of a model but its numbers. Immutable once loaded.
struct ModelInfo {
  std::string name;
  int64_t version = 0;
  std::string fingerprint;  // SHA-256, 64 hexadecimal digits; see fingerprint.h
  Spec spec;
  int64_t vocabulary_size = 0;  // V: rows of the embedding, 0 without one
  std::optional<HeadSpec> head;
  std::optional<Vocabulary> vocabulary;
  std::vector<std::string> labels;     // C of them, or none
  std::optional<KernelChoice> kernel;  // nothing: the server's own choice
  std::map<std::string, std::string> metadata;  // safetensors' __metadata__
  std::vector<Fact> facts;
};

struct ModelWeights {
  std::vector<LayerWeights> layers;  // [L*D]: layer-major, forward first
  Tensor embedding;                  // [V, I], empty without one
  HeadWeights head;                  // empty without one
};

struct Model {
  ModelInfo info;
  ModelWeights weights;
};

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_MODEL_H_
