#include <utility>

#include "core/base/status_macros.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace {

constexpr size_t kMaxLayers = 16;

// What a Linear layer reads: hidden or a summary of it, or the layer before.
// Its last axis must be whole.
absl::StatusOr<Flow> HeadInput(const OnnxNode& node, const Folding& folding) {
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr || flow->kind == Flow::Kind::kInput) {
    return node.NotServed("reads %s, expected what the RNN gives",
                          node.InputName(0));
  }
  Axis whole;
  if (flow->kind == Flow::Kind::kHidden) {
    if (flow->first_layer + 1 != std::ssize(folding.layers) ||
        flow->layers != 1 ||
        (flow->direction >= 0 && folding.spec.directions == 2)) {
      return node.NotServed(
          "reads %s, expected all directions of the top layer",
          node.InputName(0));
    }
    if (flow->steps == Flow::Steps::kFirst) {
      return node.NotServed("reads the first step, which is not served");
    }
    whole = HiddenAxis(folding.spec);
  } else {
    whole = AxisOf(Atom::Kind::kFeatures, flow->head.back().width);
  }
  if (flow->axes.empty() || flow->axes.back() != whole) {
    return node.NotServed(
        "reads %s of shape %s, expected %s features on its last axis",
        node.InputName(0), AxesString(flow->axes), AxesString({whole}));
  }
  return *flow;
}

// Adds a layer with this weight, [in, out] if `transposed`.
absl::StatusOr<Flow> Linear(const OnnxNode& node, const Folding& folding,
                            bool transposed) {
  ASSIGN_OR_RETURN(Flow flow, HeadInput(node, folding));
  const auto* weight = node.InputAs<Constant>(1);
  if (weight == nullptr || !weight->is_float()) {
    return node.NotServed("weight %s is no constant", node.InputName(1));
  }
  if (weight->shape.size() != 2) {
    return node.NotServed("weight %s has shape %s, expected a matrix",
                          node.InputName(1), ShapeString(weight->shape));
  }
  const int64_t in = weight->shape[transposed ? 0 : 1];
  const int64_t out = weight->shape[transposed ? 1 : 0];
  if (out == 0 || SizeOf(flow.axes.back()) != Dim{in, {}}) {
    return node.Invalid("weight of shape %s for an input of shape %s",
                        ShapeString(weight->shape), AxesString(flow.axes));
  }
  if (flow.kind == Flow::Kind::kHead &&
      (flow.head.back().activation == Activation::kSoftmax ||
       flow.head.back().activation == Activation::kLogSoftmax)) {
    return node.NotServed("reads a softmax; expected it at the end");
  }
  if (flow.head.size() == kMaxLayers) {
    return node.NotServed("more than %d layers behind the RNN", kMaxLayers);
  }
  flow.kind = Flow::Kind::kHead;
  flow.head.push_back({.node = node.name(),
                       .weight = *weight,
                       .transposed = transposed,
                       .width = out});
  flow.axes.back() = AxisOf(Atom::Kind::kFeatures, out);
  return flow;
}

// Adds input `i` as the last layer's bias.
absl::Status AddBias(const OnnxNode& node, size_t i, Flow& flow) {
  const auto* bias = node.InputAs<Constant>(i);
  if (bias == nullptr || !bias->is_float()) {
    return node.NotServed("adds %s, expected a constant bias",
                          node.InputName(i));
  }
  HeadLayer& layer = flow.head.back();
  if (layer.bias || layer.activation != Activation::kIdentity) {
    return node.NotServed("adds %s where no bias is expected",
                          node.InputName(i));
  }
  Constant flat = *bias;
  while (flat.shape.size() > 1 && flat.shape.front() == 1) {
    flat.shape.erase(flat.shape.begin());
  }
  if (flat.shape != Shape{layer.width}) {
    return node.NotServed("bias %s has shape %s, expected [%d]",
                          node.InputName(i), ShapeString(bias->shape),
                          layer.width);
  }
  layer.bias = std::move(flat);
  return absl::OkStatus();
}

}  // namespace

OnnxResult FoldMatMul(const OnnxNode& node, Folding& folding) {
  ASSIGN_OR_RETURN(Flow flow, Linear(node, folding, /*transposed=*/true));
  return std::vector<Value>{std::move(flow)};
}

OnnxResult FoldGemm(const OnnxNode& node, Folding& folding) {
  ASSIGN_OR_RETURN(const int64_t trans_a, node.Int("transA", 0));
  ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 0));
  ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 1));
  ASSIGN_OR_RETURN(const float beta, node.Float("beta", 1));
  if (trans_a != 0 || alpha != 1 || (beta != 1 && node.input(2) != nullptr)) {
    return node.NotServed("transA %d, alpha %g, beta %g, expected 0, 1 and 1",
                          trans_a, alpha, beta);
  }
  ASSIGN_OR_RETURN(Flow flow, Linear(node, folding, trans_b == 0));
  if (node.input(2) != nullptr) RETURN_IF_ERROR(AddBias(node, 2, flow));
  return std::vector<Value>{std::move(flow)};
}

OnnxResult FoldAdd(const OnnxNode& node, Folding&) {
  const size_t at = node.InputAs<Flow>(0) != nullptr ? 0 : 1;
  const auto* flow = node.InputAs<Flow>(at);
  if (flow == nullptr || flow->kind != Flow::Kind::kHead) {
    return node.NotServed("expected what a MatMul gives and a constant bias");
  }
  if (flow->axes.empty() ||
      flow->axes.back() !=
          AxisOf(Atom::Kind::kFeatures, flow->head.back().width)) {
    return node.NotServed("adds along another axis than the features'");
  }
  Flow sum = *flow;
  RETURN_IF_ERROR(AddBias(node, 1 - at, sum));
  return std::vector<Value>{std::move(sum)};
}

OnnxResult FoldActivation(const OnnxNode& node, Folding&) {
  Activation activation = Activation::kIdentity;
  if (node.op() == "Relu") activation = Activation::kRelu;
  if (node.op() == "Tanh") activation = Activation::kTanh;
  if (node.op() == "Sigmoid") activation = Activation::kSigmoid;
  if (node.op() == "Softmax") activation = Activation::kSoftmax;
  if (node.op() == "LogSoftmax") activation = Activation::kLogSoftmax;

  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr || flow->kind != Flow::Kind::kHead) {
    return node.NotServed("reads %s, expected what a MatMul or Gemm gives",
                          node.InputName(0));
  }
  Flow result = *flow;
  HeadLayer& layer = result.head.back();
  if (layer.activation != Activation::kIdentity) {
    return node.NotServed("a second activation behind %s",
                          Name(layer.activation));
  }
  if (activation == Activation::kSoftmax ||
      activation == Activation::kLogSoftmax) {
    // Before operation set 13 it ran over all axes from `axis` on.
    ASSIGN_OR_RETURN(const int64_t attribute,
                     node.Int("axis", node.opset() < 13 ? 1 : -1));
    ASSIGN_OR_RETURN(const size_t axis,
                     node.AxisIndex(attribute, flow->axes.size()));
    if (axis + 1 != flow->axes.size() ||
        flow->axes.back() != AxisOf(Atom::Kind::kFeatures, layer.width)) {
      return node.NotServed("over axis %d of %s, expected the classes'", axis,
                            AxesString(flow->axes));
    }
  }
  layer.activation = activation;
  return std::vector<Value>{std::move(result)};
}

}  // namespace unroll
