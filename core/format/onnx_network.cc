#include "core/format/onnx_network.h"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/onnx_checks.h"
#include "core/format/onnx_file.h"
#include "core/format/onnx_folder.h"

namespace unroll {
namespace {

using Steps = Flow::Steps;

// Row i of what a tensor's first axis counts.
Tensor Row(const Tensor& tensor, int64_t i, Shape shape) {
  const auto size = std::ssize(tensor.values) / tensor.shape[0];
  const auto begin = tensor.values.begin() + i * size;
  return {std::move(shape), {begin, begin + size}};
}

// A Keras layer has one bias, for both products.
absl::Status ReadLoop(const OnnxLayer& layer, OnnxTensors& tensors,
                      LayerWeights& weights) {
  ASSIGN_OR_RETURN(const Tensor w, tensors.Floats(layer.w));
  ASSIGN_OR_RETURN(const Tensor r, tensors.Floats(layer.r));
  weights.weight_ih = Transposed(w);
  weights.weight_hh = Transposed(r);
  if (!layer.b) return absl::OkStatus();
  ASSIGN_OR_RETURN(weights.bias_ih, tensors.Floats(*layer.b));
  weights.bias_hh = ZeroTensor(weights.bias_ih.shape);
  return absl::OkStatus();
}

absl::Status ReadLayers(const Folding& folding,
                        std::vector<LayerWeights>& layers) {
  const int64_t d = folding.spec.directions, h = folding.spec.hidden_size;
  for (const OnnxLayer& layer : folding.layers) {
    if (layer.loop) {
      RETURN_IF_ERROR(ReadLoop(layer, folding.tensors, layers.emplace_back()));
      continue;
    }
    ASSIGN_OR_RETURN(const Tensor w, folding.tensors.Floats(layer.w));
    ASSIGN_OR_RETURN(const Tensor r, folding.tensors.Floats(layer.r));
    Tensor b;
    if (layer.b) {
      ASSIGN_OR_RETURN(b, folding.tensors.Floats(*layer.b));
      b.shape = {2 * d, h};  // Wb and Rb of each direction
    }
    for (int64_t i = 0; i < d; ++i) {
      LayerWeights weights{.weight_ih = Row(w, i, {h, w.shape[2]}),
                           .weight_hh = Row(r, i, {h, h})};
      if (layer.b) {
        weights.bias_ih = Row(b, 2 * i, {h});
        weights.bias_hh = Row(b, 2 * i + 1, {h});
      }
      layers.push_back(std::move(weights));
    }
  }
  return absl::OkStatus();
}

// One number for each feature.
absl::StatusOr<Tensor> FeatureTensor(const std::optional<Constant>& constant,
                                     float otherwise, const Folding& folding) {
  const int64_t width = folding.spec.input_size;
  RETURN_IF_ERROR(folding.tensors.Take(width));
  Tensor tensor{{width}, std::vector<float>(width, otherwise)};
  if (!constant) return tensor;
  ASSIGN_OR_RETURN(const Tensor given, folding.tensors.Floats(*constant));
  for (int64_t i = 0; i < width; ++i) {
    tensor.values[i] = given.values[given.values.size() == 1 ? 0 : i];
  }
  return tensor;
}

absl::Status ReadFront(const Folding& folding, std::string_view where,
                       OnnxNetwork& network) {
  const Front& front = folding.front;
  network.one_hot = front.one_hot > 0;
  if (front.embedding) {
    network.embedding = front.embedding->name;
    ASSIGN_OR_RETURN(network.weights.embedding,
                     folding.tensors.Floats(*front.embedding));
  }
  if (!front.mean && !front.std) return absl::OkStatus();
  Normalization& normalization = network.weights.normalization;
  ASSIGN_OR_RETURN(normalization.mean, FeatureTensor(front.mean, 0, folding));
  ASSIGN_OR_RETURN(normalization.std, FeatureTensor(front.std, 1, folding));
  const std::vector<float>& std = normalization.std.values;
  const auto bad =
      std::find_if_not(std.begin(), std.end(), [](float x) { return x > 0; });
  if (bad != std.end()) {
    return InvalidAt(where, "tensor %s: element %d is %g, expected more than 0",
                     Quoted(front.std->name), bad - std.begin(), *bad);
  }
  return absl::OkStatus();
}

AppliedTo ToAppliedTo(Steps steps) {
  switch (steps) {
    case Steps::kLast:
      return AppliedTo::kLastStep;
    case Steps::kFinal:
      return AppliedTo::kFinalState;
    case Steps::kMean:
      return AppliedTo::kMean;
    case Steps::kMax:
      return AppliedTo::kMax;
    default:
      return AppliedTo::kEachStep;
  }
}

absl::Status ReadHead(const Flow& scores, OnnxTensors& tensors,
                      OnnxNetwork& network) {
  HeadSpec head{.applied_to = ToAppliedTo(scores.steps)};
  std::vector<std::string> nodes;
  for (const HeadLayer& layer : scores.head) {
    nodes.push_back(layer.node);
    head.layers.push_back({layer.width, layer.activation});
    LinearWeights weights;
    ASSIGN_OR_RETURN(weights.weight, tensors.Floats(layer.weight));
    if (layer.transposed) weights.weight = Transposed(weights.weight);
    if (layer.bias) {
      ASSIGN_OR_RETURN(weights.bias, tensors.Floats(*layer.bias));
    }
    network.weights.head.push_back(std::move(weights));
  }
  network.head = std::move(head);
  network.head_nodes = absl::StrJoin(nodes, ", ");
  return absl::OkStatus();
}

// An output must be something that the server gives. Null: it is hidden or
// final states; otherwise it is scores.
absl::StatusOr<const Flow*> CheckOutput(const Value& value,
                                        const Folding& folding,
                                        std::string_view place) {
  const auto not_served = [place](std::string_view what) {
    return absl::UnimplementedError(absl::StrFormat(
        "%s is %s; expected hidden, final states or scores", place, what));
  };
  const auto* flow = std::get_if<Flow>(&value);
  if (flow == nullptr) return not_served("independent of the input");
  const bool top = flow->first_layer + 1 == std::ssize(folding.layers);
  if (flow->kind == Flow::Kind::kHead) {
    // More layers may have come after it.
    return top ? absl::StatusOr<const Flow*>(flow)
               : not_served("scores of a lower layer");
  }
  if (flow->kind == Flow::Kind::kInput) return not_served("the input");
  if (flow->steps == Steps::kFinal) return nullptr;
  if (flow->steps == Steps::kMean || flow->steps == Steps::kMax) {
    return not_served("a mean or maximum without a Linear layer");
  }
  if (!top) return not_served("the hidden of a lower layer");
  return nullptr;
}

// The one head that the outputs come from.
absl::StatusOr<const Flow*> FindHead(const onnx::GraphProto& graph,
                                     const OnnxFolder& folder,
                                     std::string_view where) {
  const Flow* head = nullptr;
  std::string head_output;
  for (const auto& output : graph.output()) {
    const std::string place =
        absl::StrFormat("%s: output %s", where, Quoted(output.name()));
    ASSIGN_OR_RETURN(
        const Flow* found,
        CheckOutput(folder.Output(output.name()), folder.folding(), place));
    if (found == nullptr) continue;
    if (head != nullptr) {
      return absl::UnimplementedError(
          absl::StrFormat("%s: scores besides output %s; expected one head",
                          place, Quoted(head_output)));
    }
    head = found;
    head_output = output.name();
  }
  return head;
}

// A layer that begins with an input's numbers must begin with its own rows of
// h_0, or with all of an input that no other layer reads.
absl::Status CheckInitialStates(const OnnxFolder& folder,
                                std::string_view where) {
  const Folding& folding = folder.folding();
  const int64_t d = folding.spec.directions;
  std::map<int, int> whole;
  for (size_t i = 0; i < folding.layers.size(); ++i) {
    const OnnxLayer& layer = folding.layers[i];
    if (!layer.initial_state) continue;
    const bool own_rows =
        layer.first_row == static_cast<int64_t>(i) * d && layer.rows == d;
    const bool own_input = layer.rows < 0 && ++whole[*layer.initial_state] == 1;
    if (!own_rows && !own_input) {
      return absl::UnimplementedError(absl::StrFormat(
          "%s: node %s (RNN): initial_h is rows %d to %d of input %s, expected "
          "%d to %d for layer %d",
          where, Quoted(layer.node), layer.first_row,
          layer.first_row + layer.rows,
          Quoted(folder.InputName(*layer.initial_state)), i * d, (i + 1) * d,
          i));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OnnxNetwork> Read(const OnnxBytes& bytes, int64_t max_bytes,
                                 std::string_view where) {
  if (bytes.size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: %d bytes, but there is memory for %d", where,
                        bytes.size, max_bytes));
  }
  ASSIGN_OR_RETURN(const onnx::ModelProto model,
                   ReadOnnxMessages(bytes, where));
  ASSIGN_OR_RETURN(const int64_t opset, CheckOnnxGraph(model, where));
  OnnxTensors tensors(bytes, max_bytes, where);
  OnnxFolder folder(model.graph(), opset, tensors, where);
  RETURN_IF_ERROR(folder.Run());
  ASSIGN_OR_RETURN(const Flow* head, FindHead(model.graph(), folder, where));
  RETURN_IF_ERROR(CheckInitialStates(folder, where));
  RETURN_IF_ERROR(RunOnnxChecker(model, opset, where));

  const Folding& folding = folder.folding();
  OnnxNetwork network{.spec = folding.spec};
  network.spec.num_layers = std::ssize(folding.layers);
  network.rnn = absl::StrJoin(
      folding.layers, ", ",
      [](std::string* out, const OnnxLayer& layer) { *out += layer.node; });
  RETURN_IF_ERROR(ReadLayers(folding, network.weights.layers));
  RETURN_IF_ERROR(ReadFront(folding, where, network));
  if (head != nullptr) RETURN_IF_ERROR(ReadHead(*head, tensors, network));
  for (const auto& entry : model.metadata_props()) {
    network.metadata[entry.key()] = entry.value();
  }
  network.metadata["opset"] = absl::StrCat(opset);
  if (model.has_producer_name()) {
    network.metadata["producer"] =
        model.has_producer_version()
            ? absl::StrCat(model.producer_name(), " ", model.producer_version())
            : model.producer_name();
  }
  return network;
}

absl::StatusOr<OnnxNetwork> ReadOrNoMemory(const OnnxBytes& bytes,
                                           int64_t max_bytes,
                                           std::string_view where) {
  try {
    return Read(bytes, max_bytes, where);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: no memory to read it", where));
  }
}

}  // namespace

absl::StatusOr<OnnxNetwork> ReadOnnx(const File& file, int64_t max_bytes,
                                     std::string_view where) {
  return ReadOrNoMemory({file.size(),
                         [&file](int64_t begin, std::span<char> bytes) {
                           return file.ReadAt(begin, bytes);
                         }},
                        max_bytes, where);
}

absl::StatusOr<OnnxNetwork> ParseOnnx(std::string_view bytes, int64_t max_bytes,
                                      std::string_view where) {
  return ReadOrNoMemory({std::ssize(bytes),
                         [bytes](int64_t begin, std::span<char> out) {
                           bytes.copy(out.data(), out.size(), begin);
                           return absl::OkStatus();
                         }},
                        max_bytes, where);
}

}  // namespace unroll
