// Loops that are no layer, made from one that is.

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/files.h"
#include "tests/core/format/onnx_graph.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::AttributeProto;
using testing::GraphProto;
using testing::IsError;
using testing::kMaxOnnxBytes;
using testing::ModelProto;
using testing::NodeProto;
using testing::Parse;

constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

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

TEST(BrokenOnnxLoopTest, IsRefused) {
  const std::string path =
      absl::StrCat(UNROLL_SOURCE_DIR, "/tests/data/onnx/keras_last.onnx");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path, kMaxOnnxBytes));
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

}  // namespace
}  // namespace unroll
