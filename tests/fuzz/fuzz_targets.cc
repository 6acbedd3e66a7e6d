#include "tests/fuzz/fuzz_targets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/base/checked.h"
#include "core/base/files.h"
#include "core/base/utf8.h"
#include "core/format/onnx_network.h"
#include "core/format/pytorch_file.h"
#include "core/format/safetensors.h"
#include "core/format/state_dict.h"
#include "core/format/tensor_file.h"
#include "core/load/config.h"
#include "core/serve/state_keys.h"
#include "core/serve/state_token.h"

namespace unroll::fuzz {
namespace {

// Unlike assert, in release builds too.
void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Every refusal is a sentence of sound text.
void CheckRefusal(const absl::Status& status) {
  Check(!status.message().empty(), "an error says something");
  const std::string message(status.message());
  for (size_t at = 0; at < message.size();) {
    const auto code_point = DecodeUtf8(std::string_view(message).substr(at));
    Check(code_point.has_value(), "an error is UTF-8");
    at += code_point->bytes;
  }
}

// The bytes as a file that has no name.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes)
      : descriptor_(memfd_create("fuzz", 0)) {
    Check(write(descriptor_, bytes.data(), bytes.size()) ==
              static_cast<ssize_t>(bytes.size()),
          "there is memory for the input");
  }
  ~MemoryFile() { close(descriptor_); }
  File Open() const {
    return *File::Open("/proc/self/fd/" + std::to_string(descriptor_));
  }

 private:
  int descriptor_;
};

// What a TensorFile promises, and that reading keeps to it.
void CheckTensors(const TensorFile& file, size_t input_bytes) {
  const StoredTensor* before = nullptr;
  for (const StoredTensor& tensor : file.tensors()) {
    Check(before == nullptr || before->name < tensor.name, "names in order");
    before = &tensor;
    Check(CheckedElements(tensor.shape) == tensor.elements,
          "elements are the product of the shape");
    Check(file.Find(tensor.name) == &tensor, "a tensor is found by its name");
    Check(tensor.elements * tensor.dtype.bits / 8 <=
              static_cast<int64_t>(input_bytes),
          "a tensor is in the file");
    if (tensor.dtype.dtype == Dtype::kOther) continue;
    const auto read = file.Read(tensor);
    if (!read.ok()) {
      CheckRefusal(read.status());
      continue;
    }
    Check(read->shape == tensor.shape &&
              std::ssize(read->values) == tensor.elements,
          "what is read has the shape that was told");
  }
}

// A tensor that is there has this shape, and as many values.
void CheckShape(const Tensor& tensor, const Shape& shape) {
  if (tensor.empty()) return;
  Check(tensor.shape == shape, "a tensor has the shape of its role");
  Check(std::ssize(tensor.values) == CheckedElements(shape),
        "a tensor has the values of its shape");
}

}  // namespace

void FuzzSafetensors(std::string_view bytes) {
  const auto file = SafetensorsFile::Open(MemoryFile(bytes).Open(), "f");
  if (!file.ok()) return CheckRefusal(file.status());
  CheckTensors(**file, bytes.size());
  for (const StoredTensor& tensor : (*file)->tensors()) {
    (void)(*file)->ReadIntegers(tensor);
  }
}

void FuzzPytorch(std::string_view bytes) {
  const auto file = PytorchFile::Open(MemoryFile(bytes).Open(), "f");
  if (!file.ok()) return CheckRefusal(file.status());
  CheckTensors(**file, bytes.size());
}

void FuzzPickle(std::string_view bytes) {
  const auto state_dict = ParseStateDict(bytes, "data.pkl");
  if (!state_dict.ok()) CheckRefusal(state_dict.status());
}

void FuzzOnnx(std::string_view bytes) {
  constexpr int64_t kMaxBytes = 1 << 20;
  const auto network = ParseOnnx(bytes, kMaxBytes, "f");
  if (!network.ok()) return CheckRefusal(network.status());
  const Spec& spec = network->spec;
  const ModelWeights& weights = network->weights;
  Check(std::ssize(weights.layers) == spec.num_layers * spec.directions,
        "weights of every layer and direction");
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    const LayerWeights& layer = weights.layers[i];
    const int64_t reads = static_cast<int64_t>(i) < spec.directions
                              ? spec.input_size
                              : spec.hidden_width();
    CheckShape(layer.weight_ih, {spec.hidden_size, reads});
    CheckShape(layer.weight_hh, {spec.hidden_size, spec.hidden_size});
    CheckShape(layer.bias_ih, {spec.hidden_size});
    CheckShape(layer.bias_hh, {spec.hidden_size});
    Check(layer.bias_ih.empty() == layer.bias_hh.empty(), "both biases");
  }
  CheckShape(weights.normalization.mean, {spec.input_size});
  CheckShape(weights.normalization.std, {spec.input_size});
  Check(weights.embedding.empty() ||
            weights.embedding.shape.at(1) == spec.input_size,
        "the embedding is [V, I]");
  Check(
      weights.head.size() == (network->head ? network->head->layers.size() : 0),
      "weights of every layer of the head");
  int64_t reads = spec.hidden_width();
  for (size_t i = 0; i < weights.head.size(); ++i) {
    const int64_t width = network->head->layers[i].width;
    CheckShape(weights.head[i].weight, {width, reads});
    CheckShape(weights.head[i].bias, {width});
    reads = width;
  }
}

void FuzzConfig(std::string_view bytes) {
  const auto config = ParseConfig(bytes, "config.json");
  if (!config.ok()) return CheckRefusal(config.status());
  for (const float std : config->input_std) Check(std > 0, "std is positive");
  Check(config->head_layers.empty() || !config->activation,
        "one way to say an activation");
  for (const auto& name : {config->vocabulary, config->labels}) {
    Check(!name || name->find('/') == std::string::npos,
          "file names lead nowhere");
  }
}

void FuzzStateToken(std::string_view bytes) {
  // The key of tests/data/make_state_token.py.
  static const StateKeys keys =
      *StateKeys::Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "keys");
  const auto verified = keys.Verify(bytes);
  if (verified.ok()) {
    Check(*keys.Sign(*verified) == bytes, "the same body signs to the same");
  } else {
    CheckRefusal(verified.status());
  }
  // What signing keeps strangers from, all the same.
  const auto token = ParseStateToken(verified.value_or(bytes));
  if (!token.ok()) return CheckRefusal(token.status());
  for (const NamedTensor& named : token->state) {
    Check(
        CheckedElements(named.tensor.shape) == std::ssize(named.tensor.values),
        "a tensor has the values of its shape");
  }
  Check(SerializeStateToken(*token) == verified.value_or(bytes),
        "what was parsed serializes to the same");
}

}  // namespace unroll::fuzz
