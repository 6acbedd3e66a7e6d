#include "core/load/tensor_network.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/checked.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/load/ignore.h"
#include "core/load/model_files.h"
#include "core/load/tensor_roles.h"

namespace unroll {
namespace {

std::vector<NamedShape> Shapes(const TensorFile& file) {
  std::vector<NamedShape> shapes;
  for (const StoredTensor& tensor : file.tensors()) {
    shapes.push_back({tensor.name, tensor.shape});
  }
  return shapes;
}

// What is kept must be of a type that weights may have, and fit. REQUIRES: all
// of it has a role, so that a message does not ask for another type of what is
// not served at all, such as a BatchNorm's num_batches_tracked.
absl::Status CheckStored(const TensorFile& file,
                         const std::vector<NamedShape>& kept, int64_t max_bytes,
                         std::string_view where) {
  int64_t bytes = 0;
  for (const NamedShape& tensor : kept) {
    const StoredTensor& stored = *file.Find(tensor.name);
    if (stored.dtype.dtype == Dtype::kOther) {
      return InvalidAt(where,
                       "tensor %s: dtype %s, expected F32, F64, F16 or BF16",
                       Describe(tensor), stored.dtype.name);
    }
    const auto more = CheckedMultiply(stored.elements, sizeof(float));
    if (!more || *more > max_bytes - bytes) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "%s: the tensors take more than %d bytes as float32, which is all "
          "the memory there is for them",
          where, max_bytes));
    }
    bytes += *more;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<HeadSpec>> MakeHeadSpec(const Config& config,
                                                     const TensorRoles& roles,
                                                     std::string_view where) {
  if (roles.head.empty()) {
    if (!config.has_head) return std::nullopt;
    return InvalidAt(
        kConfigFile,
        "\"head\", but no head among the tensors of %s: no weight [C,%d]",
        where, roles.rnn.spec.hidden_width());
  }
  HeadSpec head;
  for (size_t i = 0; i < roles.head.size(); ++i) {
    head.layers.push_back(
        {roles.head[i].width,
         config.head_layers.empty()
             ? config.activation.value_or(Activation::kIdentity)
             : config.head_layers[i].activation});
  }
  head.applied_to = config.applied_to.value_or(head.applied_to);
  return head;
}

std::string HeadName(const TensorRoles& roles) {
  return absl::StrJoin(roles.head, " -> ",
                       [](std::string* out, const TensorRoles::Linear& layer) {
                         absl::StrAppend(
                             out, Printable(layer.weight),
                             layer.bias.empty() ? " without bias" : "");
                       });
}

// Reads the tensors that have a role.
class WeightsReader {
 public:
  WeightsReader(const TensorFile& file, const TensorRoles& roles,
                const Config& config, std::string_view where)
      : file_(file), roles_(roles), config_(config), where_(where) {}

  absl::StatusOr<ModelWeights> Read() const {
    ModelWeights weights;
    for (const RnnTensors::Layer& names : roles_.rnn.layers) {
      LayerWeights& layer = weights.layers.emplace_back();
      RETURN_IF_ERROR(ReadTensor(names.weight_ih, layer.weight_ih));
      RETURN_IF_ERROR(ReadTensor(names.weight_hh, layer.weight_hh));
      RETURN_IF_ERROR(ReadTensor(names.bias_ih, layer.bias_ih));
      RETURN_IF_ERROR(ReadTensor(names.bias_hh, layer.bias_hh));
    }
    RETURN_IF_ERROR(ReadTensor(roles_.embedding, weights.embedding));
    for (const TensorRoles::Linear& names : roles_.head) {
      LinearWeights& layer = weights.head.emplace_back();
      RETURN_IF_ERROR(ReadTensor(names.weight, layer.weight));
      RETURN_IF_ERROR(ReadTensor(names.bias, layer.bias));
    }
    Normalization& normalization = weights.normalization;
    RETURN_IF_ERROR(ReadNormalization(roles_.input_mean, config_.input_mean,
                                      normalization.mean));
    RETURN_IF_ERROR(ReadNormalization(roles_.input_std, config_.input_std,
                                      normalization.std));
    RETURN_IF_ERROR(Complete(normalization));
    RETURN_IF_ERROR(file_.CheckUnchanged());
    return weights;
  }

 private:
  int64_t input_size() const { return roles_.rnn.spec.input_size; }

  // No tensor for an empty name.
  absl::Status ReadTensor(const std::string& name, Tensor& tensor) const {
    if (name.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(tensor, file_.Read(*file_.Find(name)));
    return absl::OkStatus();
  }

  // From a tensor or from config.json; none where neither says it.
  absl::Status ReadNormalization(const std::string& name,
                                 const std::vector<float>& numbers,
                                 Tensor& tensor) const {
    RETURN_IF_ERROR(ReadTensor(name, tensor));
    if (numbers.size() == 1) tensor.values.assign(input_size(), numbers[0]);
    if (numbers.size() > 1) tensor.values = numbers;
    if (!tensor.values.empty()) tensor.shape = {input_size()};
    return absl::OkStatus();
  }

  // A mean of 0 or a std of 1 where only the other is given.
  absl::Status Complete(Normalization& normalization) const {
    if (normalization.mean.empty() && normalization.std.empty()) {
      return absl::OkStatus();
    }
    const Shape shape = {input_size()};
    if (normalization.mean.empty()) normalization.mean = ZeroTensor(shape);
    if (normalization.std.empty()) {
      normalization.std = {shape, std::vector<float>(input_size(), 1.0f)};
    }
    const auto& values = normalization.std.values;
    const auto bad = std::find_if_not(values.begin(), values.end(),
                                      [](float x) { return x > 0; });
    if (bad == values.end()) return absl::OkStatus();
    return InvalidAt(where_,
                     "tensor %s: element %d is %g, expected more than 0",
                     Quoted(roles_.input_std), bad - values.begin(), *bad);
  }

  const TensorFile& file_;
  const TensorRoles& roles_;
  const Config& config_;
  const std::string_view where_;
};

absl::Status CheckCount(std::string_view key, const std::vector<float>& numbers,
                        int64_t input_size) {
  if (numbers.size() <= 1 || std::ssize(numbers) == input_size) {
    return absl::OkStatus();
  }
  return InvalidAt(
      kConfigFile,
      "\"input\": {\"%s\"}: %d numbers, expected 1 or %d, the features of "
      "a step",
      key, numbers.size(), input_size);
}

std::string NormalizationName(const Config& config) {
  const auto name = [](const std::vector<float>& numbers,
                       const std::optional<std::string>& tensor,
                       const char* otherwise) {
    return !numbers.empty() ? std::string("config.json's")
           : tensor         ? Printable(*tensor)
                            : otherwise;
  };
  if (config.input_mean.empty() && config.input_std.empty() &&
      !config.tensor_mean && !config.tensor_std) {
    return "";
  }
  return absl::StrFormat("mean %s, std %s",
                         name(config.input_mean, config.tensor_mean, "0"),
                         name(config.input_std, config.tensor_std, "1"));
}

}  // namespace

absl::StatusOr<NetworkParts> FindNetwork(std::shared_ptr<const TensorFile> file,
                                         const Config& config,
                                         int64_t max_bytes,
                                         const std::string& where) {
  ASSIGN_OR_RETURN(const SplitTensors tensors,
                   SplitIgnored(Shapes(*file), config.ignore, kConfigFile));
  ASSIGN_OR_RETURN(const TensorRoles roles,
                   AssignRoles(tensors, config, where));
  RETURN_IF_ERROR(CheckStored(*file, tensors.kept, max_bytes, where));
  const int64_t input_size = roles.rnn.spec.input_size;
  RETURN_IF_ERROR(CheckCount("mean", config.input_mean, input_size));
  RETURN_IF_ERROR(CheckCount("std", config.input_std, input_size));

  NetworkParts parts;
  parts.spec = roles.rnn.spec;
  parts.spec.nonlinearity =
      config.nonlinearity.value_or(parts.spec.nonlinearity);
  parts.vocabulary_size = roles.vocabulary_size;
  ASSIGN_OR_RETURN(parts.head, MakeHeadSpec(config, roles, where));
  parts.rnn_name = absl::StrJoin(roles.rnn.prefixes, " -> ",
                                 [](std::string* out, const auto& prefix) {
                                   absl::StrAppend(out, Printable(prefix), "*");
                                 });
  parts.embedding_name = Printable(roles.embedding);
  parts.head_name = HeadName(roles);
  parts.normalization_name = NormalizationName(config);
  parts.metadata = file->metadata();
  parts.read_weights = [file, roles, config, where] {
    return WeightsReader(*file, roles, config, where).Read();
  };
  return parts;
}

}  // namespace unroll
