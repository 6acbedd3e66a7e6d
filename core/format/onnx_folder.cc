#include "core/format/onnx_folder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {
namespace {

constexpr int kMaxRank = 8;

const std::map<std::string_view, OnnxHandler>& Handlers() {
  static const auto& handlers = *new std::map<std::string_view, OnnxHandler>{
      {"Add", FoldAdd},
      {"And", FoldOpaque},
      {"Cast", FoldCast},
      {"Concat", FoldConcat},
      {"Constant", FoldConstant},
      {"ConstantOfShape", FoldConstantOfShape},
      {"Div", FoldDivide},
      {"Dropout", FoldDropout},
      {"Equal", FoldOpaque},
      {"Expand", FoldExpand},
      {"Flatten", FoldFlatten},
      {"Gather", FoldGather},
      {"Gemm", FoldGemm},
      {"GlobalAveragePool", FoldGlobalPool},
      {"GlobalMaxPool", FoldGlobalPool},
      {"Identity", FoldIdentity},
      {"Less", FoldOpaque},
      {"LogSoftmax", FoldActivation},
      {"Loop", FoldLoop},
      {"MatMul", FoldMatMul},
      {"Mul", FoldProduct},
      {"OneHot", FoldOneHot},
      {"RNN", FoldRnn},
      {"ReduceMax", FoldReduce},
      {"ReduceMean", FoldReduce},
      {"ReduceProd", FoldProduct},
      {"Relu", FoldActivation},
      {"Reshape", FoldReshape},
      {"Shape", FoldShape},
      {"Sigmoid", FoldActivation},
      {"Slice", FoldSlice},
      {"Softmax", FoldActivation},
      {"Squeeze", FoldSqueeze},
      {"Sub", FoldSubtract},
      {"Tanh", FoldActivation},
      {"Tile", FoldExpand},
      {"Transpose", FoldTranspose},
      {"Unsqueeze", FoldUnsqueeze},
      {"Where", FoldOpaque},
  };
  return handlers;
}

// Operations that only move or choose numbers.
bool KeepsFilled(std::string_view op) {
  for (const std::string_view same :
       {"Cast", "Gather", "Identity", "Reshape", "Slice", "Squeeze",
        "Transpose", "Unsqueeze"}) {
    if (op == same) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Value> OnnxFolder::BindInput(int index) const {
  const onnx::ValueInfoProto& input = graph_.input(index);
  const onnx::TypeProto::Tensor& type = input.type().tensor_type();
  Flow flow{.input = index};
  switch (type.elem_type()) {
    case onnx::TensorProto::FLOAT:
    case onnx::TensorProto::DOUBLE:
    case onnx::TensorProto::FLOAT16:
    case onnx::TensorProto::BFLOAT16:
      break;
    case onnx::TensorProto::INT32:
    case onnx::TensorProto::INT64:
      flow.integers = true;
      break;
    default:
      return Opaque();
  }
  if (!type.has_shape() || type.shape().dim_size() > kMaxRank) {
    return InvalidAt(where_, "input %s: %d dimensions, expected 1 to %d",
                     Quoted(input.name()), type.shape().dim_size(), kMaxRank);
  }
  for (int i = 0; i < type.shape().dim_size(); ++i) {
    const auto& dim = type.shape().dim(i);
    if (dim.has_dim_value() && dim.dim_value() < 0) {
      return InvalidAt(where_, "input %s: dimension %d is %d",
                       Quoted(input.name()), i, dim.dim_value());
    }
    Axis axis;
    // A dimension of 0 is one that an exporter did not know.
    if (dim.dim_value() != 1) {
      axis.push_back(
          {.kind = Atom::Kind::kInput, .symbol = index * kMaxRank + i});
      if (dim.dim_value() > 0) axis[0].size = dim.dim_value();
    }
    flow.axes.push_back(std::move(axis));
  }
  return flow;
}

absl::Status OnnxFolder::BindInputs(const Names& needed) {
  for (const onnx::TensorProto& tensor : graph_.initializer()) {
    if (!needed.contains(tensor.name())) continue;
    ASSIGN_OR_RETURN(folding_.values[tensor.name()],
                     folding_.tensors.Load(tensor, tensor.name()));
  }
  for (int i = 0; i < graph_.input_size(); ++i) {
    const std::string& name = graph_.input(i).name();
    if (!needed.contains(name) || folding_.values.contains(name)) continue;
    ASSIGN_OR_RETURN(folding_.values[name], BindInput(i));
  }
  return absl::OkStatus();
}

absl::Status OnnxFolder::RunNode(const onnx::NodeProto& proto) {
  std::vector<const Value*> inputs;
  for (const std::string& name : proto.input()) {
    inputs.push_back(name.empty() ? nullptr : &folding_.values.at(name));
  }
  const OnnxNode node(proto, inputs, opset_, where_);
  // Qualified names of other domains are in no table.
  const auto handler = Handlers().find(OpName(proto));
  if (handler == Handlers().end()) {
    return node.NotServed(
        "this operation is not served; expected RNN, and around it what moves, "
        "chooses or pools its numbers, Linear layers and activations");
  }
  const Value* first = inputs.empty() ? nullptr : inputs[0];
  const auto is = [](const Value* value, auto kind) {
    return value != nullptr && std::holds_alternative<decltype(kind)>(*value);
  };
  const bool any_flow =
      std::any_of(inputs.begin(), inputs.end(),
                  [&](const Value* value) { return is(value, Flow()); });
  const bool any_opaque =
      std::any_of(inputs.begin(), inputs.end(),
                  [&](const Value* value) { return is(value, Opaque()); });
  std::vector<Value> outputs;
  if (is(first, Filled()) && KeepsFilled(proto.op_type())) {
    outputs.push_back(*first);
  } else if (any_opaque && !any_flow && !is(first, Constant()) &&
             !is(first, Filled()) && proto.op_type() != "Loop") {
    outputs.assign(proto.output_size(), Opaque());
  } else {
    ASSIGN_OR_RETURN(outputs, handler->second(node, folding_));
  }
  for (int i = 0; i < proto.output_size(); ++i) {
    if (proto.output(i).empty()) continue;
    if (std::cmp_greater_equal(i, outputs.size())) {
      return node.NotServed("output %s is not served", Quoted(proto.output(i)));
    }
    folding_.values[proto.output(i)] = std::move(outputs[i]);
  }
  return absl::OkStatus();
}

absl::Status OnnxFolder::Run() {
  Names needed;
  for (const auto& output : graph_.output()) needed.insert(output.name());
  std::vector<const onnx::NodeProto*> nodes;
  for (int i = graph_.node_size() - 1; i >= 0; --i) {
    const onnx::NodeProto& node = graph_.node(i);
    if (std::none_of(
            node.output().begin(), node.output().end(),
            [&](const std::string& name) { return needed.contains(name); })) {
      continue;
    }
    needed.insert(node.input().begin(), node.input().end());
    if (const onnx::GraphProto* body = LoopBody(node)) {
      for (const onnx::NodeProto& inner : body->node()) {
        needed.insert(inner.input().begin(), inner.input().end());
      }
    }
    nodes.push_back(&node);
  }
  RETURN_IF_ERROR(BindInputs(needed));
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    RETURN_IF_ERROR(RunNode(**node));
  }
  return absl::OkStatus();
}

}  // namespace unroll
