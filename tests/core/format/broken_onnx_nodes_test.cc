// Nodes behind an RNN that are wrong or not served.

#include <gtest/gtest.h>

#include "tests/core/format/onnx_graph.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::AddAttribute;
using testing::AddInput;
using testing::AddIntegers;
using testing::AddNode;
using testing::AddTensor;
using testing::AttributeProto;
using testing::BrokenOnnx;
using testing::ExpectRefused;
using testing::GoodOnnx;
using testing::GraphProto;
using testing::IsOk;
using testing::ModelProto;
using testing::NodeProto;
using testing::Parse;
using testing::SetInt;
using testing::SetInts;
using testing::SetOutput;
using testing::TensorProto;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

// Without the axis of one direction: hidden [T,N,3].
void AddSqueeze(GraphProto& graph) {
  AddIntegers(graph, "one", {1});
  AddNode(graph, "Squeeze", {"y", "one"}, "hidden");
}

// And a Linear layer on it; the output is what it gives.
NodeProto& AddMatMul(GraphProto& graph) {
  AddSqueeze(graph);
  AddTensor(graph, "a", {3, 4});
  SetOutput(graph, "z");
  return AddNode(graph, "MatMul", {"hidden", "a"}, "z");
}

// Behind the nodes that it reads.
void MoveBehind(GraphProto& graph, const NodeProto& rnn) {
  graph.mutable_node()->Add(NodeProto(rnn));
  graph.mutable_node()->DeleteSubrange(0, 1);
}

const BrokenOnnx kBroken[] = {
    // Around the RNN.
    {"a convolution",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddTensor(graph, "k", {3, 3, 1});
       AddNode(graph, "Conv", {"y_h", "k"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "f: node \"the c\" (Conv): this operation is not served"},
    {"a node without a name",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddNode(graph, "Conv", {"y_h"}, "c").clear_name();
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"c\" (Conv)"},
    {"a branch",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddNode(graph, "If", {"x"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (If): this operation"},
    {"another loop",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       NodeProto& loop = AddNode(graph, "Loop", {"", ""}, "c");
       AddAttribute(loop, "body", AttributeProto::GRAPH).mutable_g();
       SetOutput(graph, "c");
     },
     kInvalid, "node \"the c\" (Loop): its body has 0 inputs"},
    {"a permutation that is none",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       SetInts(AddNode(graph, "Transpose", {"y"}, "c"), "perm", {0, 0, 2, 3});
       SetOutput(graph, "c");
     },
     kInvalid, "node \"the c\" (Transpose): perm [0,0,2,3] of 4 axes"},
    {"a squeeze of sequences",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddIntegers(graph, "two", {2});
       AddNode(graph, "Squeeze", {"y", "two"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "drops axis 2 of [?,1,?,3], whose size is not known"},
    {"an axis that is not there",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddIntegers(graph, "two", {7});
       AddNode(graph, "Squeeze", {"y", "two"}, "c");
       SetOutput(graph, "c");
     },
     kInvalid, "node \"the c\" (Squeeze): axis 7 of 4"},
    {"a reshape that mixes axes",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddIntegers(graph, "shape", {-1, 2});
       AddNode(graph, "Reshape", {"y", "shape"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Reshape): takes the axes of \"y\" apart"},
    {"a step in the middle",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddIntegers(graph, "step", {3});
       AddNode(graph, "Gather", {"y", "step"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Gather): expected the first or the last"},
    {"the last step of a fixed length, counted from the first",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {4, 0, 2});
       AddIntegers(graph, "step", {3});
       AddNode(graph, "Gather", {"y", "step"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented,
     "(Gather): counts steps of the 4 that the graph is fixed to"},
    {"a fixed length cut to at most ten steps",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {4, 0, 2});
       AddIntegers(graph, "zero", {0});
       AddIntegers(graph, "ten", {10});
       AddNode(graph, "Slice", {"x", "zero", "ten"}, "cut");
       rnn.set_input(0, "cut");
       MoveBehind(graph, rnn);
     },
     kUnimplemented, "node \"the y\" (RNN): reads \"cut\", cut to a number of"},
    {"a mean in a graph fixed to one step and one sequence",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {1, 1, 2});
       SetInts(AddNode(graph, "ReduceMean", {"y"}, "c"), "axes", {2});
       SetOutput(graph, "c");
     },
     kUnimplemented, "of axis 2 of [1,1,1,3], in a graph that is fixed to one"},
    {"the last step of a graph fixed to one",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {1, 1, 2});
       AddIntegers(graph, "last", {-1});
       AddNode(graph, "Gather", {"y", "last"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "of axis 0 of [1,1,1,3], in a graph that is fixed to one"},
    {"normalisation along two axes",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {7, 0, 2});
       AddTensor(graph, "mean", {7});
       AddTensor(graph, "std", {2});
       SetInts(AddNode(graph, "Transpose", {"x"}, "turned"), "perm", {2, 1, 0});
       AddNode(graph, "Sub", {"turned", "mean"}, "centred");
       SetInts(AddNode(graph, "Transpose", {"centred"}, "back"), "perm",
               {2, 1, 0});
       AddNode(graph, "Div", {"back", "std"}, "normal");
       rnn.set_input(0, "normal");
       MoveBehind(graph, rnn);
     },
     kUnimplemented,
     "node \"the normal\" (Div): normalises along another axis"},
    {"a head on a lower layer",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddTensor(graph, "w2", {1, 3, 3});
       AddNode(graph, "RNN", {"hidden", "w2", "r"}, "top");
       graph.add_output()->set_name("top");
     },
     kUnimplemented, "output \"z\" is scores of a lower layer"},
    {"a mean over sequences",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       SetInts(AddNode(graph, "ReduceMean", {"y"}, "c"), "axes", {2});
       SetOutput(graph, "c");
     },
     kUnimplemented, "over axis 2 of [?,1,?,3], which is not time"},
    {"a mean alone",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       SetInts(AddNode(graph, "ReduceMean", {"y"}, "c"), "axes", {0});
       SetOutput(graph, "c");
     },
     kUnimplemented, "output \"c\" is a mean or maximum without a Linear"},
    {"the input as an output",
     [](ModelProto&, GraphProto& graph, NodeProto&) { SetOutput(graph, "x"); },
     kUnimplemented, "output \"x\" is the input"},
    {"a constant as an output",
     [](ModelProto&, GraphProto& graph, NodeProto&) { SetOutput(graph, "w"); },
     kUnimplemented, "output \"w\" is independent of the input"},
    {"an activation on hidden",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddNode(graph, "Sigmoid", {"y"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Sigmoid): reads \"y\", expected what a"},

    // Heads.
    {"a weight of another size",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph).set_input(1, "a2");
       AddTensor(graph, "a2", {4, 4});
     },
     kInvalid, "weight of shape [4,4] for an input of shape [?,?,3]"},
    {"a Linear layer over the wrong axis",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph).set_input(0, "y_h");
       AddIntegers(graph, "zero", {0});
       NodeProto& moved = AddNode(graph, "Transpose", {"y"}, "turned");
       SetInts(moved, "perm", {3, 1, 2, 0});
       AddNode(graph, "MatMul", {"turned", "a"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (MatMul): reads \"turned\" of shape"},
    {"a bias of another size",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddTensor(graph, "c0", {3});
       AddNode(graph, "Add", {"z", "c0"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Add): bias \"c0\" has shape [3]"},
    {"a residual connection",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddNode(graph, "Add", {"z", "z"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Add): adds \"z\", expected a constant"},
    {"a softmax over time",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       SetInt(AddNode(graph, "Softmax", {"z"}, "c"), "axis", 0);
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Softmax): over axis 0 of [?,?,4]"},
    {"a softmax in the middle",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddNode(graph, "Softmax", {"z"}, "s");
       AddTensor(graph, "a2", {4, 4});
       AddNode(graph, "MatMul", {"s", "a2"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (MatMul): reads a softmax"},
    {"two activations",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddNode(graph, "Relu", {"z"}, "s");
       AddNode(graph, "Tanh", {"s"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Tanh): a second activation behind relu"},
    {"a Gemm with a factor",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       NodeProto& gemm = AddNode(graph, "Gemm", {"hidden", "a"}, "c");
       AddAttribute(gemm, "alpha", AttributeProto::FLOAT).set_f(2);
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (Gemm): transA 0, alpha 2, beta 1"},
    {"batch normalisation",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddNode(graph, "BatchNormalization", {"z"}, "c");
       SetOutput(graph, "c");
     },
     kUnimplemented, "node \"the c\" (BatchNormalization): this operation"},
    {"two heads",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddMatMul(graph);
       AddNode(graph, "Relu", {"z"}, "c");
       graph.add_output()->set_name("c");
     },
     kUnimplemented, "output \"c\": scores besides output \"z\""},
    {"an attribute that ONNX does not know",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { SetInt(rnn, "speed", 9); },
     kInvalid, "node \"the y\": ONNX's checker: "},
};

TEST(BrokenOnnxNodesTest, TheGoodOneIsRead) {
  ModelProto model = GoodOnnx();
  AddMatMul(*model.mutable_graph());
  EXPECT_THAT(Parse(model), IsOk());
}

TEST(BrokenOnnxNodesTest, AreRefusedWithWhatWhereExpectedAndFound) {
  ExpectRefused(kBroken);
}

}  // namespace
}  // namespace unroll
