// Files, tensors, inputs and RNN nodes that are wrong or not served: each is
// refused with what, where, expected and found.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
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
using testing::IsError;
using testing::IsOk;
using testing::kMaxOnnxBytes;
using testing::ModelProto;
using testing::NodeProto;
using testing::Parse;
using testing::SetInt;
using testing::SetInts;
using testing::SetOutput;
using testing::SetString;
using testing::SetStrings;
using testing::TensorProto;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

TensorProto& Initializer(GraphProto& graph, const std::string& name) {
  for (TensorProto& tensor : *graph.mutable_initializer()) {
    if (tensor.name() == name) return tensor;
  }
  std::abort();
}

const BrokenOnnx kBroken[] = {
    // The file.
    {"no graph",
     [](ModelProto& model, GraphProto&, NodeProto&) { model.clear_graph(); },
     kInvalid, "has no graph"},
    {"no operation set",
     [](ModelProto& model, GraphProto&, NodeProto&) {
       model.clear_opset_import();
     },
     kInvalid, "does not say its operation set"},
    {"an old operation set",
     [](ModelProto& model, GraphProto&, NodeProto&) {
       model.mutable_opset_import(0)->set_version(6);
     },
     kUnimplemented, "operation set 6, expected 7 to 25"},
    {"a function",
     [](ModelProto& model, GraphProto&, NodeProto&) {
       model.add_functions()->set_name("f1");
     },
     kUnimplemented, "function \"f1\""},
    {"no outputs",
     [](ModelProto&, GraphProto& graph, NodeProto&) { graph.clear_output(); },
     kInvalid, "no outputs"},
    {"bad UTF-8 in a node's name",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { rnn.set_name("\xC0\x80"); },
     kInvalid, "node \"\\xc0\\x80\": byte 0 of its name is not UTF-8"},
    {"bad UTF-8 in metadata",
     [](ModelProto& model, GraphProto&, NodeProto&) {
       auto& entry = *model.add_metadata_props();
       entry.set_key("k");
       entry.set_value("\xFF");
     },
     kInvalid, "metadata \"k\": byte 0 of its value"},
    {"a long name",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       rnn.set_name(std::string(5000, 'n'));
     },
     kInvalid, "name of 5000 bytes"},
    {"an initializer twice",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddTensor(graph, "w", {1});
     },
     kInvalid, "initializer \"w\": there is already a value of that name"},
    {"an output twice",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddNode(graph, "Relu", {"x"}, "y");
     },
     kInvalid, "node \"the y\" (Relu): output \"y\": there is already"},
    {"an attribute twice",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       SetInt(rnn, "hidden_size", 3);
     },
     kInvalid, "attribute \"hidden_size\": there is already"},
    {"an input from nowhere",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { rnn.set_input(0, "q"); },
     kInvalid,
     "node \"the y\" (RNN): reads \"q\", which nothing before it makes"},
    {"an output from nowhere",
     [](ModelProto&, GraphProto& graph, NodeProto&) { SetOutput(graph, "q"); },
     kInvalid, "output \"q\": nothing makes it"},
    {"5000 nodes",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       for (int i = 0; i < 5000; ++i) graph.add_node();
     },
     kExhausted, "5001 nodes and 3 initializers, expected at most 4096"},
    {"a million nodes",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       for (int i = 0; i < 1'000'000; ++i) graph.add_node();
     },
     kExhausted, "more than 32 MiB of messages"},

    // Tensors.
    {"external data",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       TensorProto& w = Initializer(graph, "w");
       w.clear_float_data();
       w.set_data_location(TensorProto::EXTERNAL);
       auto& entry = *w.add_external_data();
       entry.set_key("location");
       entry.set_value("/etc/passwd");
     },
     kUnimplemented, "tensor \"w\": its data is in another file, \"/etc/pass"},
    {"a negative dimension",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       Initializer(graph, "w").set_dims(0, -1);
     },
     kInvalid, "tensor \"w\": shape [-1,3,2] has a negative dimension"},
    {"dimensions that overflow",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       TensorProto& w = Initializer(graph, "w");
       for (int i = 0; i < 3; ++i) w.set_dims(i, int64_t{1} << 31);
     },
     kInvalid, "is too large"},
    {"huge dimensions without data",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       Initializer(graph, "w").set_dims(0, int64_t{1} << 40);
     },
     kInvalid, "6 numbers of data, expected 6597069766656"},
    {"too little raw data",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       TensorProto& w = Initializer(graph, "w");
       w.clear_float_data();
       w.set_raw_data(std::string(23, 'x'));
     },
     kInvalid, "23 bytes of data, expected 24 for FLOAT [1,3,2]"},
    {"raw and typed data",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       Initializer(graph, "w").set_raw_data(std::string(24, 'x'));
     },
     kInvalid, "both raw_data and a typed field"},
    {"nine dimensions",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       for (int i = 0; i < 6; ++i) Initializer(graph, "w").add_dims(1);
     },
     kInvalid, "9 dimensions, expected at most 8"},
    {"strings",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       Initializer(graph, "w").set_data_type(TensorProto::STRING);
     },
     kInvalid, "type STRING, expected FLOAT, DOUBLE"},
    {"whole numbers for weights",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       TensorProto& w = Initializer(graph, "w");
       w.set_data_type(TensorProto::INT32);
       w.clear_float_data();
       for (int i = 0; i < 6; ++i) w.add_int32_data(i);
     },
     kUnimplemented, "node \"the y\" (RNN): W, \"w\""},
    {"a NaN",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       Initializer(graph, "r").set_float_data(4, std::nanf(""));
     },
     kInvalid, "tensor \"r\": element [0,1,1] is nan"},
    {"more bits than 16",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       TensorProto& w = Initializer(graph, "w");
       w.set_data_type(TensorProto::FLOAT16);
       w.clear_float_data();
       for (int i = 0; i < 6; ++i) w.add_int32_data(70000);
     },
     kInvalid, "int32_data 0 is 70000, expected 16 bits"},

    // The input.
    {"an input of negative size",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {0, -3, 2});
     },
     kInvalid, "input \"x\": dimension 1 is -3"},
    {"an input without a shape",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.mutable_input(0)
           ->mutable_type()
           ->mutable_tensor_type()
           ->clear_shape();
     },
     kInvalid, "input \"x\": 0 dimensions, expected 1 to 8"},
    {"an input of another width",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {0, 0, 5});
     },
     kInvalid, "reads 5 features, but W has shape [1,3,2]"},
    {"a matrix for an input",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {0, 2});
     },
     kUnimplemented, "reads \"x\", which is no [T,N,I]"},
    {"a divisor of 0",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       AddTensor(graph, "std", {2});  // 0, 1/16
       AddNode(graph, "Div", {"x", "std"}, "n");
       rnn.set_input(0, "n");
       graph.mutable_node()->SwapElements(0, 1);
     },
     kInvalid, "tensor \"std\": element 0 is 0, expected more than 0"},

    {"a normalisation of sequences",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       graph.clear_input();
       AddInput(graph, "x", TensorProto::FLOAT, {0, 2, 2});
       AddTensor(graph, "mean", {2});
       SetInts(AddNode(graph, "Transpose", {"x"}, "t"), "perm", {0, 2, 1});
       AddNode(graph, "Sub", {"t", "mean"}, "n");
       SetInts(AddNode(graph, "Transpose", {"n"}, "x2"), "perm", {0, 2, 1});
       rnn.set_input(0, "x2");
       for (int i = 0; i < 3; ++i) graph.mutable_node()->SwapElements(i, i + 1);
     },
     kUnimplemented, "reads \"x2\", which is normalised along another axis"},

    // RNN nodes.
    {"an LSTM",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { rnn.set_op_type("LSTM"); },
     kUnimplemented, "f: node \"the y\" (LSTM): this operation is not served"},
    {"another domain's RNN",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { rnn.set_domain("my.own"); },
     kUnimplemented, "node \"the y\" (my.own::RNN): this operation"},
    {"weights as inputs",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       graph.mutable_initializer()->DeleteSubrange(0, 1);
       AddInput(graph, "w", TensorProto::FLOAT, {1, 3, 2});
     },
     kUnimplemented, "W, \"w\", is computed or given with each call"},
    {"another activation",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       SetStrings(rnn, "activations", {"Sigmoid"});
     },
     kUnimplemented,
     "node \"the y\" (RNN): activation \"sigmoid\", expected Tanh or Relu"},
    {"too many activations",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       SetStrings(rnn, "activations", {"Tanh", "Tanh"});
     },
     kUnimplemented, "activations tanh, tanh, expected 1 alike"},
    {"activations of another type",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       SetString(rnn, "activations", "Tanh");
     },
     kInvalid, "attribute activations is STRING, expected STRINGS"},
    {"clip",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       AddAttribute(rnn, "clip", AttributeProto::FLOAT).set_f(3);
     },
     kUnimplemented, "attribute clip is not served"},
    {"an unknown direction",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       SetString(rnn, "direction", "up");
     },
     kInvalid, "direction \"up\", expected forward, reverse or"},
    {"a direction that the weights do not have",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       SetString(rnn, "direction", "bidirectional");
     },
     kInvalid, "W has shape [1,3,2], expected [2,3,2]"},
    {"an unknown layout",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { SetInt(rnn, "layout", 2); },
     kInvalid, "layout 2, expected 0 or 1"},
    {"another hidden_size",
     [](ModelProto&, GraphProto&, NodeProto& rnn) {
       rnn.mutable_attribute(0)->set_i(4);
     },
     kInvalid, "W has shape [1,3,2], but hidden_size is 4"},
    {"a bias of another size",
     [](ModelProto&, GraphProto&, NodeProto& rnn) { rnn.set_input(3, "r"); },
     kInvalid, "B, \"r\", has shape [1,3,3], expected 2 dimensions"},
    {"an initial state that is not zero",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       AddTensor(graph, "h", {1, 1, 3});
       rnn.add_input("");
       rnn.add_input("h");
     },
     kUnimplemented, "initial_h, \"h\": expected none, zeros"},
    {"lengths that are not all steps",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       AddIntegers(graph, "lengths", {3});
       rnn.add_input("lengths");
     },
     kUnimplemented, "sequence_lens, \"lengths\": expected none"},
    {"the state of another layer",
     [](ModelProto&, GraphProto& graph, NodeProto& rnn) {
       AddInput(graph, "h", TensorProto::FLOAT, {2, 0, 3});
       AddIntegers(graph, "begin", {1});
       AddIntegers(graph, "end", {2});
       AddIntegers(graph, "axis", {0});
       AddNode(graph, "Slice", {"h", "begin", "end", "axis"}, "h1");
       graph.mutable_node()->SwapElements(0, 1);
       rnn.Swap(graph.mutable_node(0)->name() == "the y"
                    ? graph.mutable_node(0)
                    : graph.mutable_node(1));
       NodeProto& moved = *graph.mutable_node(1);
       moved.add_input("");
       moved.add_input("h1");
     },
     kUnimplemented, "initial_h is rows 1 to 2 of input \"h\""},
    {"two stacks",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddNode(graph, "RNN", {"x", "w", "r"}, "y2");
       graph.add_output()->set_name("y2");
     },
     kUnimplemented,
     "node \"the y2\" (RNN): reads \"x\", which is not the hidden of"},
    {"layers of another size",
     [](ModelProto&, GraphProto& graph, NodeProto&) {
       AddIntegers(graph, "one", {1});
       AddNode(graph, "Squeeze", {"y", "one"}, "hidden");
       AddTensor(graph, "w2", {1, 2, 3});
       AddTensor(graph, "r2", {1, 2, 2});
       AddNode(graph, "RNN", {"hidden", "w2", "r2"}, "y2");
       SetOutput(graph, "y2");
     },
     kUnimplemented, "node \"the y2\" (RNN): differs from the layer before"},
};

TEST(BrokenOnnxTest, TheGoodOneIsRead) {
  EXPECT_THAT(Parse(GoodOnnx()), IsOk());
}

TEST(BrokenOnnxTest, IsRefusedWithWhatWhereExpectedAndFound) {
  ExpectRefused(kBroken);
}

TEST(BrokenOnnxTest, NodesThatNoOutputNeedsAreNotLookedAt) {
  ModelProto model = GoodOnnx();
  AddNode(*model.mutable_graph(), "Erf", {"y"}, "unused");
  EXPECT_THAT(Parse(model), IsOk());
}

TEST(BrokenOnnxTest, BytesThatAreNoModelAreRefused) {
  EXPECT_THAT(ParseOnnx("", kMaxOnnxBytes, "f"), IsError(kInvalid, "no graph"));
  EXPECT_THAT(ParseOnnx("\x08", kMaxOnnxBytes, "f"),
              IsError(kInvalid, "f: byte 1: the message ends in a number"));
  EXPECT_THAT(ParseOnnx("\x3A\x05\x08", kMaxOnnxBytes, "f"),
              IsError(kInvalid, "field 7 has 5 bytes, but 1 are left"));
  EXPECT_THAT(ParseOnnx("\x3B", kMaxOnnxBytes, "f"),
              IsError(kInvalid, "wire type 3"));
  EXPECT_THAT(ParseOnnx("\x38\x01", kMaxOnnxBytes, "f"),
              IsError(kInvalid, "onnx.ModelProto.graph has wire type 0"));
  EXPECT_THAT(ParseOnnx(std::string(11, '\xFF'), kMaxOnnxBytes, "f"),
              IsError(kInvalid, "a number of more than 10 bytes"));
}

TEST(BrokenOnnxTest, GraphsInGraphsAreRefusedPastADepth) {
  ModelProto model = GoodOnnx();
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
  ModelProto model = GoodOnnx();
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
              IsError(kExhausted, "the tensors take more than 67108864"));
}

}  // namespace
}  // namespace unroll
