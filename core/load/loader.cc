#include "core/load/loader.h"

#include <memory>
#include <new>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/load/config.h"
#include "core/load/facts.h"
#include "core/load/graph_network.h"
#include "core/load/network_parts.h"
#include "core/load/tensor_network.h"
#include "core/load/text_files.h"
#include "core/load/weights_file.h"
#include "core/model/fingerprint.h"

namespace unroll {
namespace {

absl::StatusOr<NetworkParts> ReadNetwork(const ModelPath& path,
                                         const Config& config,
                                         int64_t max_bytes) {
  ASSIGN_OR_RETURN(WeightsFile weights, OpenWeightsFile(path, max_bytes));
  if (IsGraph(weights)) return ReadGraph(weights, config, max_bytes);
  const std::string name = weights.name;
  ASSIGN_OR_RETURN(std::shared_ptr<const TensorFile> file,
                   OpenTensorFile(std::move(weights)));
  return FindNetwork(std::move(file), config, max_bytes, name);
}

// Only features can be normalised.
absl::Status CheckNormalization(const NetworkParts& parts,
                                const ModelInfo& info) {
  if (parts.normalization_name.empty() || info.vocabulary_size == 0) {
    return absl::OkStatus();
  }
  return Invalid("the input is normalised (%s), but the model takes tokens",
                 parts.normalization_name);
}

absl::StatusOr<Model> Load(const ModelPath& path, const LoadOptions& options) {
  ASSIGN_OR_RETURN(const Config config, LoadConfig(path));
  ASSIGN_OR_RETURN(NetworkParts parts,
                   ReadNetwork(path, config, options.max_bytes));
  Model model;
  ModelInfo& info = model.info;
  info.name = path.name;
  info.version = path.version;
  info.spec = parts.spec;
  info.head = parts.head;
  ASSIGN_OR_RETURN(info.vocabulary, LoadVocabulary(path, config, parts));
  info.one_hot = parts.one_hot ||
                 (info.vocabulary.has_value() && parts.vocabulary_size == 0);
  info.vocabulary_size =
      info.one_hot ? info.spec.input_size : parts.vocabulary_size;
  RETURN_IF_ERROR(CheckNormalization(parts, info));
  ASSIGN_OR_RETURN(info.labels, LoadLabels(path, config, parts));
  info.kernel = config.kernel;
  info.precision = config.precision.value_or(Precision::kFloat32);
  info.metadata = parts.metadata;
  info.facts = ListFacts(info, config, parts);
  ASSIGN_OR_RETURN(model.weights, parts.read_weights());
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
