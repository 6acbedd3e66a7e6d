#include "core/rnn/head.h"

namespace unroll {

Head::Head(const HeadSpec& spec, std::vector<LinearWeights>& weights,
           Precision precision) {
  for (size_t i = 0; i < weights.size(); ++i) {
    layers_.push_back(std::make_unique<const Linear>(
        weights[i], spec.layers[i].activation, precision));
    weights[i] = LinearWeights();
  }
}

const float* Head::Run(int64_t rows, const float* input,
                       Workspace& workspace) const {
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Linear& layer = *layers_[i];
    const Workspace::Part part = i + 1 == layers_.size() ? Workspace::kScores
                                 : i % 2 == 0            ? Workspace::kHeadOdd
                                                         : Workspace::kHeadEven;
    float* output = workspace.Floats(part, rows * layer.outputs());
    layer.Run(rows, input, output, workspace);
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
