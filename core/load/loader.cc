#include "core/load/loader.h"

#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/files.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/safetensors.h"
#include "core/load/config.h"
#include "core/load/facts.h"
#include "core/load/ignore.h"
#include "core/load/model_files.h"
#include "core/load/tensor_roles.h"
#include "core/load/text_files.h"
#include "core/model/fingerprint.h"

namespace unroll {
namespace {

absl::Status TooLarge(std::string_view what, int64_t bytes, int64_t most) {
  return absl::ResourceExhaustedError(
      absl::StrFormat("%s: %d bytes%s, but there is memory for %d",
                      kWeightsFile, bytes, what, most));
}

absl::StatusOr<File> OpenWeights(const ModelPath& path,
                                 const LoadOptions& options) {
  auto file =
      File::Open(absl::StrFormat("%s/%s", path.directory, kWeightsFile));
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(
        absl::StrFormat("no %s in %s", kWeightsFile, path.directory));
  }
  if (file.ok() && file->size() > options.max_bytes) {
    return TooLarge("", file->size(), options.max_bytes);
  }
  return file;
}

std::vector<NamedShape> Shapes(const TensorFile& file) {
  std::vector<NamedShape> shapes;
  for (const StoredTensor& tensor : file.tensors()) {
    shapes.push_back({tensor.name, tensor.shape});
  }
  return shapes;
}

// No tensor for an empty name.
absl::Status Read(const TensorFile& file, const std::string& name,
                  Tensor& tensor) {
  if (name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(tensor, file.Read(*file.Find(name)));
  return absl::OkStatus();
}

// What is kept must be of a type that weights may have, and fit. REQUIRES: all
// of it has a role, so that a message does not ask for another type of what is
// not served at all, such as a BatchNorm's num_batches_tracked.
absl::Status CheckStored(const TensorFile& file,
                         const std::vector<NamedShape>& kept,
                         const LoadOptions& options) {
  int64_t elements = 0;  // cannot overflow: each takes two bytes of the file
  for (const NamedShape& tensor : kept) {
    const StoredTensor& stored = *file.Find(tensor.name);
    if (stored.dtype.dtype == Dtype::kOther) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s: tensor %s: dtype %s, expected F32, F64, F16 or BF16",
          kWeightsFile, Describe(tensor), stored.dtype.name));
    }
    elements += stored.elements;
  }
  const auto bytes = CheckedMultiply(elements, sizeof(float));
  if (!bytes || *bytes > options.max_bytes) {
    return TooLarge(" as float32", bytes.value_or(-1), options.max_bytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelWeights> ReadWeights(const TensorFile& file,
                                         const TensorRoles& roles) {
  ModelWeights weights;
  for (const RnnTensors::Layer& names : roles.rnn.layers) {
    LayerWeights& layer = weights.layers.emplace_back();
    RETURN_IF_ERROR(Read(file, names.weight_ih, layer.weight_ih));
    RETURN_IF_ERROR(Read(file, names.weight_hh, layer.weight_hh));
    RETURN_IF_ERROR(Read(file, names.bias_ih, layer.bias_ih));
    RETURN_IF_ERROR(Read(file, names.bias_hh, layer.bias_hh));
  }
  RETURN_IF_ERROR(Read(file, roles.embedding, weights.embedding));
  if (!roles.head_weight.empty()) {
    LinearWeights& head = weights.head.emplace_back();
    RETURN_IF_ERROR(Read(file, roles.head_weight, head.weight));
    RETURN_IF_ERROR(Read(file, roles.head_bias, head.bias));
  }
  RETURN_IF_ERROR(file.CheckUnchanged());
  return weights;
}

absl::StatusOr<std::optional<HeadSpec>> MakeHeadSpec(const Config& config,
                                                     const TensorRoles& roles) {
  if (roles.classes == 0) {
    if (!config.has_head) return std::nullopt;
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: \"head\", but no head among the tensors of %s: "
        "no weight [C,%d]",
        kConfigFile, kWeightsFile, roles.rnn.spec.hidden_width()));
  }
  HeadSpec head;
  head.layers = {
      {roles.classes, config.activation.value_or(Activation::kIdentity)}};
  head.applied_to = config.applied_to.value_or(head.applied_to);
  return head;
}

absl::StatusOr<Model> Load(const ModelPath& path, const LoadOptions& options) {
  ASSIGN_OR_RETURN(File opened, OpenWeights(path, options));
  ASSIGN_OR_RETURN(const Config config, LoadConfig(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<TensorFile> file,
                   SafetensorsFile::Open(std::move(opened), kWeightsFile));
  ASSIGN_OR_RETURN(const SplitTensors tensors,
                   SplitIgnored(Shapes(*file), config.ignore, kConfigFile));
  ASSIGN_OR_RETURN(const TensorRoles roles,
                   AssignRoles(tensors, config, kWeightsFile));
  RETURN_IF_ERROR(CheckStored(*file, tensors.kept, options));

  Model model;
  ModelInfo& info = model.info;
  info.name = path.name;
  info.version = path.version;
  info.spec = roles.rnn.spec;
  info.spec.nonlinearity = config.nonlinearity.value_or(info.spec.nonlinearity);
  info.vocabulary_size = roles.vocabulary_size;
  ASSIGN_OR_RETURN(info.head, MakeHeadSpec(config, roles));
  ASSIGN_OR_RETURN(info.vocabulary, LoadVocabulary(path, config, roles));
  ASSIGN_OR_RETURN(info.labels, LoadLabels(path, config, roles));
  info.kernel = config.kernel;
  info.metadata = file->metadata();
  info.facts = ListFacts(info, config, roles);
  ASSIGN_OR_RETURN(model.weights, ReadWeights(*file, roles));
  ASSIGN_OR_RETURN(info.fingerprint, Fingerprint(info, model.weights));
  return model;
}

}  // namespace

absl::StatusOr<Model> LoadModel(const ModelPath& path,
                                const LoadOptions& options) {
  RETURN_IF_ERROR(path.error);
  try {
    return Load(path, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: no memory to load it", path.directory));
  }
}

}  // namespace unroll
