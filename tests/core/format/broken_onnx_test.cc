// Graphs that are wrong or not served, made from messages: each is refused with
// what, where, expected and found.

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/files.h"
#include "core/format/onnx_network.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::ModelProto;
using onnx::NodeProto;
using onnx::TensorProto;
using testing::IsError;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr int64_t kMaxBytes = 64 << 20;

using Numbers = std::vector<int64_t>;

// A tensor of small floats.
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

// Sizes of 0 are left to the calls.
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

// x [T,N,2] -> RNN of 3 -> y [T,1,N,3], y_h [1,N,3]; the output is y.
ModelProto Good() {
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
  return ParseOnnx(model.SerializeAsString(), kMaxBytes, "f");
}

// Without the axis of one direction: hidden [T,N,3].
void AddSqueeze(GraphProto& graph) {
  AddIntegers(graph, "one", {1});
  AddNode(graph, "Squeeze", {"y", "one"}, "hidden");
}

// A layer that reads hidden: what it gives is "top".
void AddTop(GraphProto& graph) {
  AddTensor(graph, "w2", {1, 3, 3});
  AddNode(graph, "RNN", {"hidden", "w2", "r"}, "top");
}

// And a Linear layer on it; the output is what it gives.
NodeProto& AddMatMul(GraphProto& graph) {
  AddSqueeze(graph);
  AddTensor(graph, "a", {3, 4});
  SetOutput(graph, "z");
  return AddNode(graph, "MatMul", {"hidden", "a"}, "z");
}

TensorProto& Initializer(GraphProto& graph, const std::string& name) {
  for (TensorProto& tensor : *graph.mutable_initializer()) {
    if (tensor.name() == name) return tensor;
  }
  std::abort();
}

struct Broken {
  std::string what;
  std::function<void(ModelProto& model, GraphProto& graph, NodeProto& rnn)>
      break_it;
  absl::StatusCode code;
  std::string part;  // of the message
};

#define BREAK                                                                  \
  [](ModelProto & model [[maybe_unused]], GraphProto & graph [[maybe_unused]], \
     NodeProto & rnn [[maybe_unused]])

const Broken kBroken[] = {
    // The file.
    {"no graph", BREAK{model.clear_graph();
}  // namespace
, kInvalid, "has no graph"
}  // namespace unroll
, {"no operation set", BREAK{model.clear_opset_import();
}
, kInvalid, "does not say its operation set"
}
, {"an old operation set", BREAK{model.mutable_opset_import(0)->set_version(6);
}
, kUnimplemented, "operation set 6, expected 7 to 25"
}
, {"a function", BREAK{model.add_functions()->set_name("f1");
}
, kUnimplemented, "function \"f1\""
}
, {"no outputs", BREAK{graph.clear_output();
}
, kInvalid, "no outputs"
}
, {"bad UTF-8 in a node's name", BREAK{rnn.set_name("\xC0\x80");
}
, kInvalid, "node \"\\xc0\\x80\": byte 0 of its name is not UTF-8"
}
, {"bad UTF-8 in metadata", BREAK{auto& entry = *model.add_metadata_props();
entry.set_key("k");
entry.set_value("\xFF");
}
, kInvalid, "metadata \"k\": byte 0 of its value"
}
, {"a long name", BREAK{rnn.set_name(std::string(5000, 'n'));
}
, kInvalid, "name of 5000 bytes"
}
, {"an initializer twice", BREAK{AddTensor(graph, "w", {1});
}
, kInvalid, "initializer \"w\": there is already a value of that name"
}
, {"an output twice", BREAK{AddNode(graph, "Relu", {"x"}, "y");
}
, kInvalid, "node \"the y\" (Relu): output \"y\": there is already"
}
, {"an attribute twice", BREAK{SetInt(rnn, "hidden_size", 3);
}
, kInvalid, "attribute \"hidden_size\": there is already"
}
, {"an input from nowhere", BREAK{rnn.set_input(0, "q");
}
, kInvalid, "node \"the y\" (RNN): reads \"q\", which nothing before it makes"
}
, {"an output from nowhere", BREAK{SetOutput(graph, "q");
}
, kInvalid, "output \"q\": nothing makes it"
}
, {"5000 nodes", BREAK{for (int i = 0; i < 5000; ++i) graph.add_node();
}
, kExhausted, "5001 nodes and 3 initializers, expected at most 4096"
}
, {"a million nodes",
   BREAK{for (int i = 0; i < 1'000'000; ++i) graph.add_node();
}
, kExhausted, "more than 32 MiB of messages"
}
,

    // Tensors.
    {"external data", BREAK{TensorProto& w = Initializer(graph, "w");
w.clear_float_data();
w.set_data_location(TensorProto::EXTERNAL);
auto& entry = *w.add_external_data();
entry.set_key("location");
entry.set_value("/etc/passwd");
}
, kUnimplemented, "tensor \"w\": its data is in another file, \"/etc/pass"
}
, {"a negative dimension", BREAK{Initializer(graph, "w").set_dims(0, -1);
}
, kInvalid, "tensor \"w\": shape [-1,3,2] has a negative dimension"
}
, {"dimensions that overflow", BREAK{TensorProto& w = Initializer(graph, "w");
for (int i = 0; i < 3; ++i) w.set_dims(i, int64_t{1} << 31);
}
, kInvalid, "is too large"
}
, {"huge dimensions without data",
   BREAK{Initializer(graph, "w").set_dims(0, int64_t{1} << 40);
}
, kInvalid, "6 numbers of data, expected 6597069766656"
}
, {"too little raw data", BREAK{TensorProto& w = Initializer(graph, "w");
w.clear_float_data();
w.set_raw_data(std::string(23, 'x'));
}
, kInvalid, "23 bytes of data, expected 24 for FLOAT [1,3,2]"
}
, {"raw and typed data",
   BREAK{Initializer(graph, "w").set_raw_data(std::string(24, 'x'));
}
, kInvalid, "both raw_data and a typed field"
}
, {"nine dimensions",
   BREAK{for (int i = 0; i < 6; ++i) Initializer(graph, "w").add_dims(1);
}
, kInvalid, "9 dimensions, expected at most 8"
}
, {"strings", BREAK{Initializer(graph, "w").set_data_type(TensorProto::STRING);
}
, kInvalid, "type STRING, expected FLOAT, DOUBLE"
}
, {"whole numbers for weights", BREAK{TensorProto& w = Initializer(graph, "w");
w.set_data_type(TensorProto::INT32);
w.clear_float_data();
for (int i = 0; i < 6; ++i) w.add_int32_data(i);
}
, kUnimplemented, "node \"the y\" (RNN): W, \"w\""
}
, {"a NaN", BREAK{Initializer(graph, "r").set_float_data(4, std::nanf(""));
}
, kInvalid, "tensor \"r\": element [0,1,1] is nan"
}
, {"more bits than 16", BREAK{TensorProto& w = Initializer(graph, "w");
w.set_data_type(TensorProto::FLOAT16);
w.clear_float_data();
for (int i = 0; i < 6; ++i) w.add_int32_data(70000);
}
, kInvalid, "int32_data 0 is 70000, expected 16 bits"
}
,

    // The input.
    {"normalisation along two axes", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {7, 0, 2});
AddTensor(graph, "mean", {7});
AddTensor(graph, "std", {2});
SetInts(AddNode(graph, "Transpose", {"x"}, "turned"), "perm", {2, 1, 0});
AddNode(graph, "Sub", {"turned", "mean"}, "centred");
SetInts(AddNode(graph, "Transpose", {"centred"}, "back"), "perm", {2, 1, 0});
AddNode(graph, "Div", {"back", "std"}, "normal");
rnn.set_input(0, "normal");
// Behind what it reads.
graph.mutable_node()->Add(NodeProto(rnn));
graph.mutable_node()->DeleteSubrange(0, 1);
}
, kUnimplemented, "node \"the normal\" (Div): normalises along another axis"
}
, {"an input of negative size", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {0, -3, 2});
}
, kInvalid, "input \"x\": dimension 1 is -3"
}
, {"an input without a shape", BREAK{graph.mutable_input(0)
                                         ->mutable_type()
                                         ->mutable_tensor_type()
                                         ->clear_shape();
}
, kInvalid, "input \"x\": 0 dimensions, expected 1 to 8"
}
, {"an input of another width", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {0, 0, 5});
}
, kInvalid, "reads 5 features, but W has shape [1,3,2]"
}
, {"a matrix for an input", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {0, 2});
}
, kUnimplemented, "reads \"x\", which is no [T,N,I]"
}
, {"a divisor of 0", BREAK{AddTensor(graph, "std", {2});  // 0, 1/16
AddNode(graph, "Div", {"x", "std"}, "n");
rnn.set_input(0, "n");
graph.mutable_node()->SwapElements(0, 1);
}
, kInvalid, "tensor \"std\": element 0 is 0, expected a divisor above 0"
}
,

    {"a normalisation of sequences", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {0, 2, 2});
AddTensor(graph, "mean", {2});
SetInts(AddNode(graph, "Transpose", {"x"}, "t"), "perm", {0, 2, 1});
AddNode(graph, "Sub", {"t", "mean"}, "n");
SetInts(AddNode(graph, "Transpose", {"n"}, "x2"), "perm", {0, 2, 1});
rnn.set_input(0, "x2");
for (int i = 0; i < 3; ++i) graph.mutable_node()->SwapElements(i, i + 1);
}
, kUnimplemented, "reads \"x2\", which is normalised along another axis"
}
,

    // RNN nodes.
    {"an LSTM", BREAK{rnn.set_op_type("LSTM");
}
, kUnimplemented, "f: node \"the y\" (LSTM): this operation is not served"
}
, {"another domain's RNN", BREAK{rnn.set_domain("my.own");
}
, kUnimplemented, "node \"the y\" (my.own::RNN): this operation"
}
, {"weights as inputs", BREAK{graph.mutable_initializer()->DeleteSubrange(0, 1);
AddInput(graph, "w", TensorProto::FLOAT, {1, 3, 2});
}
, kUnimplemented, "W, \"w\", is computed or given with each call"
}
, {"another activation", BREAK{SetStrings(rnn, "activations", {"Sigmoid"});
}
, kUnimplemented,
    "node \"the y\" (RNN): activation \"sigmoid\", expected Tanh or Relu"
}
, {"too many activations",
   BREAK{SetStrings(rnn, "activations", {"Tanh", "Tanh"});
}
, kUnimplemented, "activations tanh, tanh, expected 1 alike"
}
, {"activations of another type", BREAK{SetString(rnn, "activations", "Tanh");
}
, kInvalid, "attribute activations is STRING, expected STRINGS"
}
, {"clip", BREAK{AddAttribute(rnn, "clip", AttributeProto::FLOAT).set_f(3);
}
, kUnimplemented, "attribute clip is not served"
}
, {"an unknown direction", BREAK{SetString(rnn, "direction", "up");
}
, kInvalid, "direction \"up\", expected forward, reverse or"
}
, {"a direction that the weights do not have",
   BREAK{SetString(rnn, "direction", "bidirectional");
}
, kInvalid, "W has shape [1,3,2], expected [2,3,2]"
}
, {"an unknown layout", BREAK{SetInt(rnn, "layout", 2);
}
, kInvalid, "layout 2, expected 0 or 1"
}
, {"another hidden_size", BREAK{rnn.mutable_attribute(0)->set_i(4);
}
, kInvalid, "W has shape [1,3,2], but hidden_size is 4"
}
, {"a bias of another size", BREAK{rnn.set_input(3, "r");
}
, kInvalid, "B, \"r\", has shape [1,3,3], expected 2 dimensions"
}
, {"an initial state that is not zero", BREAK{AddTensor(graph, "h", {1, 1, 3});
rnn.add_input("");
rnn.add_input("h");
}
, kUnimplemented, "initial_h, \"h\": expected none, zeros"
}
, {"lengths that are not all steps", BREAK{AddIntegers(graph, "lengths", {3});
rnn.add_input("lengths");
}
, kUnimplemented, "sequence_lens, \"lengths\": expected none"
}
, {"the state of another layer",
   BREAK{AddInput(graph, "h", TensorProto::FLOAT, {2, 0, 3});
AddIntegers(graph, "begin", {1});
AddIntegers(graph, "end", {2});
AddIntegers(graph, "axis", {0});
AddNode(graph, "Slice", {"h", "begin", "end", "axis"}, "h1");
graph.mutable_node()->SwapElements(0, 1);
rnn.Swap(graph.mutable_node(0)->name() == "the y" ? graph.mutable_node(0)
                                                  : graph.mutable_node(1));
NodeProto& moved = *graph.mutable_node(1);
moved.add_input("");
moved.add_input("h1");
}
, kUnimplemented, "initial_h is rows 1 to 2 of input \"h\""
}
, {"two stacks", BREAK{AddNode(graph, "RNN", {"x", "w", "r"}, "y2");
graph.add_output()->set_name("y2");
}
, kUnimplemented,
    "node \"the y2\" (RNN): reads \"x\", which is not the hidden of"
}
, {"layers of another size", BREAK{AddSqueeze(graph);
AddTensor(graph, "w2", {1, 2, 3});
AddTensor(graph, "r2", {1, 2, 2});
AddNode(graph, "RNN", {"hidden", "w2", "r2"}, "y2");
SetOutput(graph, "y2");
}
, kUnimplemented, "node \"the y2\" (RNN): differs from the layer before"
}
,

    // Around them.
    {"a convolution", BREAK{AddTensor(graph, "k", {3, 3, 1});
AddNode(graph, "Conv", {"y_h", "k"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "f: node \"the c\" (Conv): this operation is not served"
}
, {"a node without a name",
   BREAK{AddNode(graph, "Conv", {"y_h"}, "c").clear_name();
SetOutput(graph, "c");
}
, kUnimplemented, "node \"c\" (Conv)"
}
, {"a branch", BREAK{AddNode(graph, "If", {"x"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (If): this operation"
}
, {"another loop",
   BREAK{NodeProto& loop = AddNode(graph, "Loop", {"", ""}, "c");
AddAttribute(loop, "body", AttributeProto::GRAPH).mutable_g();
SetOutput(graph, "c");
}
, kInvalid, "node \"the c\" (Loop): its body has 0 inputs"
}
, {"a permutation that is none",
   BREAK{SetInts(AddNode(graph, "Transpose", {"y"}, "c"), "perm", {0, 0, 2, 3});
SetOutput(graph, "c");
}
, kInvalid, "node \"the c\" (Transpose): perm [0,0,2,3] of 4 axes"
}
, {"a squeeze of sequences", BREAK{AddIntegers(graph, "two", {2});
AddNode(graph, "Squeeze", {"y", "two"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "drops axis 2 of [?,1,?,3], whose size is not known"
}
, {"an axis that is not there", BREAK{AddIntegers(graph, "two", {7});
AddNode(graph, "Squeeze", {"y", "two"}, "c");
SetOutput(graph, "c");
}
, kInvalid, "node \"the c\" (Squeeze): axis 7 of 4"
}
, {"a reshape that mixes axes", BREAK{AddIntegers(graph, "shape", {-1, 2});
AddNode(graph, "Reshape", {"y", "shape"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Reshape): takes the axes of \"y\" apart"
}
, {"a step in the middle", BREAK{AddIntegers(graph, "step", {3});
AddNode(graph, "Gather", {"y", "step"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Gather): expected the first or the last"
}
, {"the last step of a fixed length, counted from the first",
   BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {4, 0, 2});
AddIntegers(graph, "step", {3});
AddNode(graph, "Gather", {"y", "step"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "(Gather): counts steps of the 4 that the graph is fixed to"
}
, {"a fixed length cut to at most ten steps", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {4, 0, 2});
AddIntegers(graph, "zero", {0});
AddIntegers(graph, "ten", {10});
AddNode(graph, "Slice", {"x", "zero", "ten"}, "cut");
rnn.set_input(0, "cut");
// Behind what it reads.
graph.mutable_node()->Add(NodeProto(rnn));
graph.mutable_node()->DeleteSubrange(0, 1);
}
, kUnimplemented, "node \"the y\" (RNN): reads \"cut\", cut to a number of"
}
, {"a mean over sequences",
   BREAK{SetInts(AddNode(graph, "ReduceMean", {"y"}, "c"), "axes", {2});
SetOutput(graph, "c");
}
, kUnimplemented, "over axis 2 of [?,1,?,3], which is not time"
}
, {"a mean in a graph fixed to one step and one sequence",
   BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {1, 1, 2});
SetInts(AddNode(graph, "ReduceMean", {"y"}, "c"), "axes", {2});
SetOutput(graph, "c");
}
, kUnimplemented, "of axis 2 of [1,1,1,3], in a graph that is fixed to one"
}
, {"the last step of a graph fixed to one", BREAK{graph.clear_input();
AddInput(graph, "x", TensorProto::FLOAT, {1, 1, 2});
AddIntegers(graph, "last", {-1});
AddNode(graph, "Gather", {"y", "last"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "of axis 0 of [1,1,1,3], in a graph that is fixed to one"
}
, {"a mean alone",
   BREAK{SetInts(AddNode(graph, "ReduceMean", {"y"}, "c"), "axes", {0});
SetOutput(graph, "c");
}
, kUnimplemented, "output \"c\" is a mean or maximum without a Linear"
}
, {"the input as an output", BREAK{SetOutput(graph, "x");
}
, kUnimplemented, "output \"x\" is the input"
}
, {"a constant as an output", BREAK{SetOutput(graph, "w");
}
, kUnimplemented, "output \"w\" is independent of the input"
}
, {"an activation on hidden", BREAK{AddNode(graph, "Sigmoid", {"y"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Sigmoid): reads \"y\", expected what a"
}
,

    // Heads.
    {"a weight of another size", BREAK{AddMatMul(graph).set_input(1, "a2");
AddTensor(graph, "a2", {4, 4});
}
, kInvalid, "weight of shape [4,4] for an input of shape [?,?,3]"
}
, {"a Linear layer over the wrong axis",
   BREAK{AddMatMul(graph).set_input(0, "y_h");
AddIntegers(graph, "zero", {0});
NodeProto& moved = AddNode(graph, "Transpose", {"y"}, "turned");
SetInts(moved, "perm", {3, 1, 2, 0});
AddNode(graph, "MatMul", {"turned", "a"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (MatMul): reads \"turned\" of shape"
}
, {"a bias of another size", BREAK{AddMatMul(graph);
AddTensor(graph, "c0", {3});
AddNode(graph, "Add", {"z", "c0"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Add): bias \"c0\" has shape [3]"
}
, {"a residual connection", BREAK{AddMatMul(graph);
AddNode(graph, "Add", {"z", "z"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Add): adds \"z\", expected a constant"
}
, {"a softmax over time", BREAK{AddMatMul(graph);
SetInt(AddNode(graph, "Softmax", {"z"}, "c"), "axis", 0);
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Softmax): over axis 0 of [?,?,4]"
}
, {"a softmax in the middle", BREAK{AddMatMul(graph);
AddNode(graph, "Softmax", {"z"}, "s");
AddTensor(graph, "a2", {4, 4});
AddNode(graph, "MatMul", {"s", "a2"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (MatMul): reads a softmax"
}
, {"two activations", BREAK{AddMatMul(graph);
AddNode(graph, "Relu", {"z"}, "s");
AddNode(graph, "Tanh", {"s"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Tanh): a second activation behind relu"
}
, {"a Gemm with a factor", BREAK{AddMatMul(graph);
NodeProto& gemm = AddNode(graph, "Gemm", {"hidden", "a"}, "c");
AddAttribute(gemm, "alpha", AttributeProto::FLOAT).set_f(2);
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (Gemm): transA 0, alpha 2, beta 1"
}
, {"batch normalisation", BREAK{AddMatMul(graph);
AddNode(graph, "BatchNormalization", {"z"}, "c");
SetOutput(graph, "c");
}
, kUnimplemented, "node \"the c\" (BatchNormalization): this operation"
}
, {"two heads", BREAK{AddMatMul(graph);
AddNode(graph, "Relu", {"z"}, "c");
graph.add_output()->set_name("c");
}
, kUnimplemented, "output \"c\": scores besides output \"z\""
}
, {"a head on a lower layer", BREAK{AddMatMul(graph);
AddTop(graph);
graph.add_output()->set_name("top");
}
, kUnimplemented, "output \"z\" is scores of a lower layer"
}
, {"an attribute that ONNX does not know", BREAK{SetInt(rnn, "speed", 9);
}
, kInvalid, "node \"the y\": ONNX's checker: "
}
,
}
;

TEST(BrokenOnnxTest, TheGoodOneIsRead) {
  EXPECT_THAT(Parse(Good()), IsOk());
  ModelProto model = Good();
  AddMatMul(*model.mutable_graph());
  EXPECT_THAT(Parse(model), IsOk());
}

TEST(BrokenOnnxTest, IsRefusedWithWhatWhereExpectedAndFound) {
  for (const Broken& broken : kBroken) {
    SCOPED_TRACE(broken.what);
    ModelProto model = Good();
    broken.break_it(model, *model.mutable_graph(),
                    *model.mutable_graph()->mutable_node(0));
    EXPECT_THAT(Parse(model), IsError(broken.code, broken.part));
  }
}

struct BrokenLoop {
  std::string what;
  std::function<void(GraphProto& body, NodeProto& loop)> break_it;
  std::string part;  // of the message
};

NodeProto& NodeOf(GraphProto& graph, const std::string& op) {
  for (NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() == op) return node;
  }
  std::abort();
}

const BrokenLoop kBrokenLoops[] = {
    {"another activation",
     [](GraphProto& body, NodeProto&) {
       NodeOf(body, "Tanh").set_op_type("Sigmoid");
     },
     "(Sigmoid): this operation is not served in a loop"},
    {"steps of two",
     [](GraphProto& body, NodeProto&) {
       body.mutable_initializer(0)->clear_raw_data();
       body.mutable_initializer(0)->add_int32_data(2);
     },
     "(Add): expected a sum of products and biases"},
    {"another order of what goes around",
     [](GraphProto& body, NodeProto&) {
       body.mutable_output()->SwapElements(1, 2);
     },
     "(Loop): a loop, and what goes around is not counters"},
    {"a state without weights",
     [](GraphProto& body, NodeProto&) {
       NodeProto& add = NodeOf(body, "Tanh");
       add.set_input(0, NodeOf(body, "MatMul").output(0));
     },
     "(Loop): a loop, and a product is missing"},
    {"no end of its own",
     [](GraphProto& body, NodeProto&) {
       body.mutable_output(0)->set_name(body.input(1).name());
     },
     "(Loop): a loop, and it may end early"},
    {"a state that does not begin with zeros",
     [](GraphProto&, NodeProto& loop) { loop.set_input(3, loop.input(5)); },
     "(MatMul): reads"},
};

TEST(BrokenOnnxTest, LoopsThatAreNoLayerAreRefused) {
  const std::string path =
      absl::StrCat(UNROLL_SOURCE_DIR, "/tests/data/onnx/keras_last.onnx");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path, kMaxBytes));
  for (const BrokenLoop& broken : kBrokenLoops) {
    SCOPED_TRACE(broken.what);
    ModelProto model;
    ASSERT_TRUE(model.ParseFromString(bytes));
    NodeProto& loop = NodeOf(*model.mutable_graph(), "Loop");
    for (AttributeProto& attribute : *loop.mutable_attribute()) {
      if (attribute.has_g()) broken.break_it(*attribute.mutable_g(), loop);
    }
    EXPECT_THAT(Parse(model), IsError(kUnimplemented, broken.part));
  }
}

TEST(BrokenOnnxTest, NodesThatNoOutputNeedsAreNotLookedAt) {
  ModelProto model = Good();
  AddNode(*model.mutable_graph(), "Erf", {"y"}, "unused");
  EXPECT_THAT(Parse(model), IsOk());
}

TEST(BrokenOnnxTest, BytesThatAreNoModelAreRefused) {
  EXPECT_THAT(ParseOnnx("", kMaxBytes, "f"), IsError(kInvalid, "no graph"));
  EXPECT_THAT(ParseOnnx("\x08", kMaxBytes, "f"),
              IsError(kInvalid, "f: byte 1: the message ends in a number"));
  EXPECT_THAT(ParseOnnx("\x3A\x05\x08", kMaxBytes, "f"),
              IsError(kInvalid, "field 7 has 5 bytes, but 1 are left"));
  EXPECT_THAT(ParseOnnx("\x3B", kMaxBytes, "f"),
              IsError(kInvalid, "wire type 3"));
  EXPECT_THAT(ParseOnnx("\x38\x01", kMaxBytes, "f"),
              IsError(kInvalid, "onnx.ModelProto.graph has wire type 0"));
  EXPECT_THAT(ParseOnnx(std::string(11, '\xFF'), kMaxBytes, "f"),
              IsError(kInvalid, "a number of more than 10 bytes"));
}

TEST(BrokenOnnxTest, GraphsInGraphsAreRefusedPastADepth) {
  ModelProto model = Good();
  GraphProto* graph = model.mutable_graph();
  for (int i = 0; i < 20; ++i) {
    graph = AddAttribute(AddNode(*graph, "If", {}, absl::StrCat("if", i)),
                         "then_branch", AttributeProto::GRAPH)
                .mutable_g();
  }
  EXPECT_THAT(Parse(model),
              IsError(kInvalid, "messages nested deeper than 32"));
}

TEST(BrokenOnnxTest, OneTensorReadManyTimesIsPaidForEachTime) {
  ModelProto model = Good();
  GraphProto& graph = *model.mutable_graph();
  AddTensor(graph, "square", {256, 256});
  std::string last = "square";
  for (int i = 0; i < 300; ++i) {
    const std::string next = absl::StrCat("turned", i);
    AddNode(graph, "Transpose", {last}, next);
    last = next;
  }
  SetOutput(graph, last);
  EXPECT_THAT(Parse(model),
              IsError(kExhausted, "its tensors come to more than 67108864"));
}

}  // namespace
}  // namespace unroll
