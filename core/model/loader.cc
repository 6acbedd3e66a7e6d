#include "core/model/loader.h"

#include <algorithm>
#include <new>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/files.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/model/config.h"
#include "core/model/facts.h"
#include "core/model/fingerprint.h"
#include "core/model/ignore.h"
#include "core/model/model_files.h"
#include "core/model/safetensors.h"
#include "core/model/tensor_roles.h"
#include "core/model/text_files.h"

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

// The weights file with its tensors by name.
class WeightsFile {
 public:
  WeightsFile(File file, SafetensorsHeader header)
      : file_(std::move(file)), header_(std::move(header)) {}

  const SafetensorsHeader& header() const { return header_; }

  std::vector<NamedShape> Shapes() const {
    std::vector<NamedShape> shapes;
    for (const StoredTensor& tensor : header_.tensors) {
      shapes.push_back({tensor.name, tensor.shape});
    }
    return shapes;
  }

  // REQUIRES: there is such a tensor.
  const StoredTensor& Find(std::string_view name) const {
    return *std::lower_bound(
        header_.tensors.begin(), header_.tensors.end(), name,
        [](const StoredTensor& a, std::string_view b) { return a.name < b; });
  }

  // No tensor for an empty name.
  absl::Status Read(const std::string& name, Tensor& tensor) const {
    if (name.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(tensor,
                     ReadTensor(file_, header_, Find(name), kWeightsFile));
    return absl::OkStatus();
  }

  absl::Status CheckUnchanged() const { return file_.CheckUnchanged(); }

 private:
  File file_;
  SafetensorsHeader header_;
};

// What is kept must be of a type that weights may have, and fit. REQUIRES: all
// of it has a role, so that a message does not ask for another type of what is
// not served at all, such as a BatchNorm's num_batches_tracked.
absl::Status CheckStored(const WeightsFile& file,
                         const std::vector<NamedShape>& kept,
                         const LoadOptions& options) {
  int64_t elements = 0;  // cannot overflow: each takes two bytes of the file
  for (const NamedShape& tensor : kept) {
    const StoredTensor& stored = file.Find(tensor.name);
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

// safetensors.torch.save_model writes one of the tensors that share memory, and
// {"dropped": "written"} as metadata. Without the other a network would be
// served in part, unless its owner leaves it out.
absl::Status CheckTies(const SafetensorsHeader& header, const Config& config) {
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : header.tensors) names.insert(tensor.name);
  for (const auto& pair : header.metadata) {
    const std::string& dropped = pair.first;
    const std::string& written = pair.second;
    if (names.contains(dropped) || !names.contains(written)) continue;
    const bool ignored = std::any_of(
        config.ignore.begin(), config.ignore.end(),
        [&](const auto& pattern) { return GlobMatches(pattern, dropped); });
    if (ignored) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: tensor %s is tied to %s (__metadata__), and shared tensors are "
        "not served yet: save copies of both (.clone())",
        kWeightsFile, Quoted(dropped), Quoted(written)));
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelWeights> ReadWeights(const WeightsFile& file,
                                         const TensorRoles& roles) {
  ModelWeights weights;
  for (const RnnTensors::Layer& names : roles.rnn.layers) {
    LayerWeights& layer = weights.layers.emplace_back();
    RETURN_IF_ERROR(file.Read(names.weight_ih, layer.weight_ih));
    RETURN_IF_ERROR(file.Read(names.weight_hh, layer.weight_hh));
    RETURN_IF_ERROR(file.Read(names.bias_ih, layer.bias_ih));
    RETURN_IF_ERROR(file.Read(names.bias_hh, layer.bias_hh));
  }
  RETURN_IF_ERROR(file.Read(roles.embedding, weights.embedding));
  RETURN_IF_ERROR(file.Read(roles.head_weight, weights.head.weight));
  RETURN_IF_ERROR(file.Read(roles.head_bias, weights.head.bias));
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
  head.classes = roles.classes;
  head.activation = config.activation.value_or(head.activation);
  head.applied_to = config.applied_to.value_or(head.applied_to);
  return head;
}

absl::StatusOr<Model> Load(const ModelPath& path, const LoadOptions& options) {
  ASSIGN_OR_RETURN(File opened, OpenWeights(path, options));
  ASSIGN_OR_RETURN(const Config config, LoadConfig(path));
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   ReadSafetensorsHeader(opened, kWeightsFile));
  RETURN_IF_ERROR(CheckTies(header, config));
  const WeightsFile file(std::move(opened), std::move(header));
  ASSIGN_OR_RETURN(const SplitTensors tensors,
                   SplitIgnored(file.Shapes(), config.ignore, kConfigFile));
  ASSIGN_OR_RETURN(const TensorRoles roles,
                   AssignRoles(tensors, config, kWeightsFile));
  RETURN_IF_ERROR(CheckStored(file, tensors.kept, options));

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
  info.metadata = file.header().metadata;
  info.facts = ListFacts(info, config, roles);
  ASSIGN_OR_RETURN(model.weights, ReadWeights(file, roles));
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
