#include "core/load/graph_network.h"

#include <memory>
#include <utility>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/onnx_network.h"
#include "core/load/model_files.h"

namespace unroll {
namespace {

// Two that say one thing may contradict each other.
absl::Status CheckConfig(const Config& config, const std::string& file) {
  const bool tensors = !config.rnn_prefixes.empty() || config.embedding ||
                       config.head_prefix || config.tensor_mean ||
                       config.tensor_std;
  const bool input = !config.input_mean.empty() || !config.input_std.empty();
  const char* key = config.nonlinearity      ? "nonlinearity"
                    : config.has_head        ? "head"
                    : tensors                ? "tensors"
                    : input                  ? "input"
                    : !config.ignore.empty() ? "ignore"
                                             : nullptr;
  if (key == nullptr) return absl::OkStatus();
  return InvalidAt(kConfigFile,
                   "\"%s\": %s says that itself; leave the key out", key,
                   Printable(file));
}

}  // namespace

absl::StatusOr<NetworkParts> ReadGraph(const WeightsFile& weights,
                                       const Config& config,
                                       int64_t max_bytes) {
  RETURN_IF_ERROR(CheckConfig(config, weights.name));
  ASSIGN_OR_RETURN(OnnxNetwork network,
                   ReadOnnx(weights.file, max_bytes, weights.name));
  RETURN_IF_ERROR(weights.file.CheckUnchanged());
  NetworkParts parts;
  parts.complete = true;
  parts.spec = network.spec;
  parts.one_hot = network.one_hot;
  if (!network.weights.embedding.empty()) {
    parts.vocabulary_size = network.weights.embedding.shape[0];
  }
  parts.head = std::move(network.head);
  parts.rnn_name = Printable(network.rnn);
  parts.embedding_name = Printable(network.embedding);
  parts.head_name = Printable(network.head_nodes);
  if (!network.weights.normalization.empty()) {
    parts.normalization_name = "mean and std of the graph";
  }
  parts.metadata = std::move(network.metadata);
  // std::function wants what can be copied.
  auto read = std::make_shared<ModelWeights>(std::move(network.weights));
  parts.read_weights = [read]() -> absl::StatusOr<ModelWeights> {
    return std::move(*read);
  };
  return parts;
}

}  // namespace unroll
