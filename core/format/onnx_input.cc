#include <limits>
#include <utility>

#include "core/base/checked.h"
#include "core/base/status_macros.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace {

using onnx::TensorProto;

// Whether a constant of the graph lines up with the last axis, [..., I].
absl::StatusOr<Flow> FrontOf(const OnnxNode& node, size_t input,
                             size_t constant) {
  const auto* flow = node.InputAs<Flow>(input);
  const auto* numbers = node.InputAs<Constant>(constant);
  if (flow == nullptr || numbers == nullptr || !numbers->is_float() ||
      flow->kind != Flow::Kind::kInput || flow->integers || flow->rows >= 0 ||
      flow->front.embedding || flow->front.one_hot > 0 || flow->axes.empty()) {
    return node.NotServed(
        "expected a constant to normalise the input's features with, as (x - "
        "mean) / std");
  }
  const Axis& features = flow->axes.back();
  const bool one_axis = features.size() == 1 && features[0].size.has_value();
  for (size_t i = 0; i < numbers->shape.size(); ++i) {
    const bool last = i + 1 == numbers->shape.size();
    if (numbers->shape[i] != 1 &&
        !(last && one_axis && numbers->shape[i] == *features[0].size)) {
      return node.NotServed("a constant of shape %s for an input of shape %s",
                            ShapeString(numbers->shape),
                            AxesString(flow->axes));
    }
  }
  if (numbers->shape.size() > flow->axes.size()) {
    return node.NotServed("a constant of shape %s for an input of shape %s",
                          ShapeString(numbers->shape), AxesString(flow->axes));
  }
  Flow front = *flow;
  if (CheckedElements(numbers->shape) != 1) {
    Axis& normalized = front.front.normalized;
    if (!normalized.empty() && normalized != features) {
      return node.NotServed(
          "normalises along another axis than the one before");
    }
    normalized = features;
  }
  return front;
}

bool IsFloatType(int64_t type) {
  return type == TensorProto::FLOAT || type == TensorProto::DOUBLE ||
         type == TensorProto::FLOAT16 || type == TensorProto::BFLOAT16;
}

}  // namespace

OnnxResult FoldIdentity(const OnnxNode& node, Folding&) {
  if (node.input(0) == nullptr) return node.Invalid("no input");
  return std::vector<Value>{*node.input(0)};
}

OnnxResult FoldDropout(const OnnxNode& node, Folding& folding) {
  if (node.input(2) != nullptr) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> training, node.IntegerInput(2));
    if (training != std::vector<int64_t>{0}) {
      return node.NotServed("drops out as if the model were still in training");
    }
  }
  ASSIGN_OR_RETURN(std::vector<Value> values, FoldIdentity(node, folding));
  values.resize(2, Opaque());  // the mask
  return values;
}

OnnxResult FoldCast(const OnnxNode& node, Folding& folding) {
  ASSIGN_OR_RETURN(const int64_t to, node.Int("to", TensorProto::UNDEFINED));
  const bool to_integer = to == TensorProto::INT32 || to == TensorProto::INT64;
  ASSIGN_OR_RETURN(std::vector<Value> values, FoldIdentity(node, folding));
  if (auto* flow = std::get_if<Flow>(&values[0])) {
    if (to_integer && flow->kind == Flow::Kind::kInput && flow->front.empty()) {
      flow->integers = true;
    } else if (!IsFloatType(to) || flow->integers) {
      return node.NotServed("casts %s to type %d", node.InputName(0), to);
    }
  } else if (const auto* constant = std::get_if<Constant>(&values[0])) {
    const bool same = constant->is_float() ? IsFloatType(to) : to_integer;
    if (!same) return std::vector<Value>{Opaque()};
  }
  return values;
}

OnnxResult FoldOneHot(const OnnxNode& node, Folding& folding) {
  const auto* flow = node.InputAs<Flow>(0);
  const auto* values = node.InputAs<Constant>(2);
  ASSIGN_OR_RETURN(const int64_t axis, node.Int("axis", -1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> depth, node.IntegerInput(1));
  if (flow == nullptr || flow->kind != Flow::Kind::kInput || !flow->integers ||
      flow->rows >= 0 || depth.size() != 1 || depth[0] <= 0 ||
      depth[0] > std::numeric_limits<int32_t>::max() || values == nullptr ||
      (axis != -1 && axis != std::ssize(flow->axes))) {
    return node.NotServed("expected unit vectors of the input's tokens");
  }
  std::vector<float> off_on;
  if (values->integers) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, node.IntegerInput(2));
    off_on.assign(numbers.begin(), numbers.end());
  } else {
    ASSIGN_OR_RETURN(const Tensor tensor, folding.tensors.Floats(*values));
    off_on = tensor.values;
  }
  if (off_on != std::vector<float>{0.0f, 1.0f}) {
    return node.NotServed("expected values 0 and 1");
  }
  Flow one_hot = *flow;
  one_hot.integers = false;
  one_hot.front.one_hot = depth[0];
  one_hot.axes.push_back(AxisOf(Atom::Kind::kFeatures, depth[0]));
  return std::vector<Value>{std::move(one_hot)};
}

OnnxResult FoldEmbedding(const OnnxNode& node) {
  const auto* table = node.InputAs<Constant>(0);
  const auto* tokens = node.InputAs<Flow>(1);
  ASSIGN_OR_RETURN(const int64_t axis, node.Int("axis", 0));
  if (table == nullptr || !table->is_float() || table->shape.size() != 2 ||
      axis != 0 || tokens->kind != Flow::Kind::kInput || !tokens->integers ||
      tokens->rows >= 0) {
    return node.NotServed(
        "expected an embedding: rows of a constant matrix, chosen by the "
        "input's tokens");
  }
  if (table->shape[0] == 0 || table->shape[1] == 0 ||
      table->shape[0] > std::numeric_limits<int32_t>::max()) {
    return node.Invalid("an embedding of shape %s", ShapeString(table->shape));
  }
  Flow embedded = *tokens;
  embedded.integers = false;
  embedded.front.embedding = *table;
  embedded.axes.push_back(AxisOf(Atom::Kind::kFeatures, table->shape[1]));
  return std::vector<Value>{std::move(embedded)};
}

OnnxResult FoldSubtract(const OnnxNode& node, Folding&) {
  ASSIGN_OR_RETURN(Flow flow, FrontOf(node, 0, 1));
  if (flow.front.mean || flow.front.std) {
    return node.NotServed("normalises what is normalised");
  }
  flow.front.mean = *node.InputAs<Constant>(1);
  return std::vector<Value>{std::move(flow)};
}

OnnxResult FoldDivide(const OnnxNode& node, Folding&) {
  ASSIGN_OR_RETURN(Flow flow, FrontOf(node, 0, 1));
  if (flow.front.std) return node.NotServed("normalises what is normalised");
  flow.front.std = *node.InputAs<Constant>(1);
  return std::vector<Value>{std::move(flow)};
}

}  // namespace unroll
