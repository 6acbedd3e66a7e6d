#include "tests/core/format/onnx_graph.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace unroll::testing {

TensorProto& AddTensor(GraphProto& graph, const std::string& name,
                       const Numbers& shape) {
  TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::FLOAT);
  int64_t elements = 1;
  for (const int64_t size : shape) {
    tensor.add_dims(size);
    elements *= size;
  }
  for (int64_t i = 0; i < elements; ++i) {
    tensor.add_float_data(static_cast<float>(i) / 16);
  }
  return tensor;
}

TensorProto& AddIntegers(GraphProto& graph, const std::string& name,
                         const Numbers& numbers) {
  TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(TensorProto::INT64);
  tensor.add_dims(std::ssize(numbers));
  tensor.mutable_int64_data()->Add(numbers.begin(), numbers.end());
  return tensor;
}

void AddInput(GraphProto& graph, const std::string& name,
              TensorProto::DataType type, const Numbers& shape) {
  onnx::ValueInfoProto& input = *graph.add_input();
  input.set_name(name);
  auto& tensor = *input.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (const int64_t size : shape) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    if (size != 0) dim.set_dim_value(size);
  }
}

NodeProto& AddNode(GraphProto& graph, const std::string& op,
                   const std::vector<std::string>& inputs,
                   const std::string& output) {
  NodeProto& node = *graph.add_node();
  node.set_name(absl::StrCat("the ", output));
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

AttributeProto& AddAttribute(NodeProto& node, const std::string& name,
                             AttributeProto::AttributeType type) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

void SetInt(NodeProto& node, const std::string& name, int64_t value) {
  AddAttribute(node, name, AttributeProto::INT).set_i(value);
}
void SetInts(NodeProto& node, const std::string& name, const Numbers& values) {
  AddAttribute(node, name, AttributeProto::INTS)
      .mutable_ints()
      ->Add(values.begin(), values.end());
}
void SetString(NodeProto& node, const std::string& name,
               const std::string& value) {
  AddAttribute(node, name, AttributeProto::STRING).set_s(value);
}
void SetStrings(NodeProto& node, const std::string& name,
                const std::vector<std::string>& values) {
  AttributeProto& attribute = AddAttribute(node, name, AttributeProto::STRINGS);
  for (const std::string& value : values) attribute.add_strings(value);
}

void SetOutput(GraphProto& graph, const std::string& name) {
  graph.clear_output();
  onnx::ValueInfoProto& output = *graph.add_output();
  output.set_name(name);
  output.mutable_type()->mutable_tensor_type()->set_elem_type(
      TensorProto::FLOAT);
}

ModelProto GoodOnnx() {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  GraphProto& graph = *model.mutable_graph();
  graph.set_name("graph");
  AddInput(graph, "x", TensorProto::FLOAT, {0, 0, 2});
  AddTensor(graph, "w", {1, 3, 2});
  AddTensor(graph, "r", {1, 3, 3});
  AddTensor(graph, "b", {1, 6});
  NodeProto& rnn = AddNode(graph, "RNN", {"x", "w", "r", "b"}, "y");
  rnn.add_output("y_h");
  SetInt(rnn, "hidden_size", 3);
  SetOutput(graph, "y");
  return model;
}

absl::StatusOr<OnnxNetwork> Parse(const ModelProto& model) {
  return ParseOnnx(model.SerializeAsString(), kMaxOnnxBytes, "f");
}

void ExpectRefused(std::span<const BrokenOnnx> all) {
  for (const BrokenOnnx& broken : all) {
    SCOPED_TRACE(broken.what);
    ModelProto model = GoodOnnx();
    broken.break_it(model, *model.mutable_graph(),
                    *model.mutable_graph()->mutable_node(0));
    EXPECT_THAT(Parse(model), IsError(broken.code, broken.part));
  }
}

}  // namespace unroll::testing
