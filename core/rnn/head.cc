#include "core/rnn/head.h"

#include <utility>

#include "core/base/status_macros.h"

namespace unroll {

absl::StatusOr<std::unique_ptr<const Head>> Head::Create(
    const HeadSpec& spec, std::vector<LinearWeights>& weights,
    int64_t max_rows) {
  std::unique_ptr<Head> head(new Head(weights.front().weight.shape[1]));
  for (size_t i = 0; i < weights.size(); ++i) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<const Linear> layer,
        MakeLinear(weights[i], spec.layers[i].activation, max_rows));
    head->layers_.push_back(std::move(layer));
    weights[i] = LinearWeights();
  }
  return head;
}

absl::StatusOr<const float*> Head::Run(int64_t rows, const float* input,
                                       Workspace& workspace) const {
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Linear& layer = *layers_[i];
    const Workspace::Part part = i + 1 == layers_.size() ? Workspace::kScores
                                 : i % 2 == 0            ? Workspace::kHeadOdd
                                                         : Workspace::kHeadEven;
    float* output = workspace.Floats(part, rows * layer.outputs());
    RETURN_IF_ERROR(layer.Run(rows, input, output, workspace));
    input = output;
  }
  return input;
}

int64_t Head::memory_bytes() const {
  int64_t bytes = 0;
  for (const auto& layer : layers_) bytes += layer->memory_bytes();
  return bytes;
}

}  // namespace unroll
