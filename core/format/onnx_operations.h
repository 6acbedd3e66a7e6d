#ifndef UNROLL_CORE_FORMAT_ONNX_OPERATIONS_H_
#define UNROLL_CORE_FORMAT_ONNX_OPERATIONS_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/format/onnx_node.h"
#include "core/format/onnx_tensors.h"
#include "core/format/onnx_value.h"
#include "core/model/spec.h"

// The operations of a graph, one handler each: from what a node's inputs mean
// to what its outputs mean.
namespace unroll {

// An RNN node, or the loop that tf2onnx makes of a Keras layer.
struct OnnxLayer {
  std::string node;           // its name
  int64_t inputs = 0;         // K
  int64_t hidden = 0;         // H
  Constant w;                 // [D, H, K]; of a loop [K, H]
  Constant r;                 // [D, H, H]; of a loop [H, H], transposed
  std::optional<Constant> b;  // [D, 2H]; of a loop [H]
  bool loop = false;
  // The graph input that its initial state comes from, and which rows of it
  // (as in Flow).
  std::optional<int> initial_state;
  int64_t first_row = 0, rows = -1;
};

using OnnxValues = std::map<std::string, Value, std::less<>>;

// What the nodes so far came to.
struct Folding {
  OnnxTensors& tensors;
  OnnxValues values;  // by name

  // Known with the first layer.
  Spec spec;
  Axis steps, sequences;  // T and N
  int input = -1;         // the graph input
  Front front;

  std::vector<OnnxLayer> layers;
};

// INVALID_ARGUMENT: the node is wrong; UNIMPLEMENTED: not served;
// RESOURCE_EXHAUSTED: past max_bytes. One value for each output.
using OnnxHandler = absl::StatusOr<std::vector<Value>> (*)(const OnnxNode& node,
                                                           Folding& folding);
using OnnxResult = absl::StatusOr<std::vector<Value>>;

// onnx_constants.cc: constants, and arithmetic on sizes.
OnnxResult FoldConstant(const OnnxNode& node, Folding& folding);
OnnxResult FoldConstantOfShape(const OnnxNode& node, Folding& folding);
OnnxResult FoldExpand(const OnnxNode& node, Folding& folding);
OnnxResult FoldShape(const OnnxNode& node, Folding& folding);
OnnxResult FoldProduct(const OnnxNode& node, Folding& folding);
OnnxResult FoldOpaque(const OnnxNode& node, Folding& folding);
// Layout and choice of a constant's numbers.
OnnxResult TransposeConstant(const OnnxNode& node, Folding& folding);
OnnxResult ConcatConstants(const OnnxNode& node, Folding& folding);
OnnxResult GatherConstant(const OnnxNode& node);
OnnxResult SliceConstant(const OnnxNode& node);

// onnx_input.cc: what stands in front of the first layer.
OnnxResult FoldCast(const OnnxNode& node, Folding& folding);
OnnxResult FoldIdentity(const OnnxNode& node, Folding& folding);
OnnxResult FoldDropout(const OnnxNode& node, Folding& folding);
OnnxResult FoldOneHot(const OnnxNode& node, Folding& folding);
OnnxResult FoldSubtract(const OnnxNode& node, Folding& folding);
OnnxResult FoldDivide(const OnnxNode& node, Folding& folding);
OnnxResult FoldEmbedding(const OnnxNode& node);

// onnx_layout.cc: the same numbers under other axes.
OnnxResult FoldTranspose(const OnnxNode& node, Folding& folding);
OnnxResult FoldSqueeze(const OnnxNode& node, Folding& folding);
OnnxResult FoldUnsqueeze(const OnnxNode& node, Folding& folding);
OnnxResult FoldReshape(const OnnxNode& node, Folding& folding);
OnnxResult FoldFlatten(const OnnxNode& node, Folding& folding);

// onnx_select.cc: some of the numbers, or a summary of them.
OnnxResult FoldGather(const OnnxNode& node, Folding& folding);
OnnxResult FoldSlice(const OnnxNode& node, Folding& folding);
OnnxResult FoldConcat(const OnnxNode& node, Folding& folding);
OnnxResult FoldReduce(const OnnxNode& node, Folding& folding);
OnnxResult FoldGlobalPool(const OnnxNode& node, Folding& folding);

// onnx_rnn.cc
OnnxResult FoldRnn(const OnnxNode& node, Folding& folding);

// What a layer is like besides its weights.
struct OnnxLayerKind {
  int64_t directions = 1;
  bool reverse = false;
  Nonlinearity nonlinearity = Nonlinearity::kTanh;
  bool batch_first = false;  // it reads [N, T, K], not [T, N, K]
};
// Puts a layer that reads `x` on top of those that are there.
absl::Status AddOnnxLayer(const OnnxNode& node, const OnnxLayerKind& kind,
                          const Value* x, OnnxLayer layer, Folding& folding);

// onnx_loop.cc
OnnxResult FoldLoop(const OnnxNode& node, Folding& folding);
// The body of a loop, or null.
const onnx::GraphProto* LoopBody(const onnx::NodeProto& node);

// onnx_head.cc
OnnxResult FoldMatMul(const OnnxNode& node, Folding& folding);
OnnxResult FoldGemm(const OnnxNode& node, Folding& folding);
OnnxResult FoldAdd(const OnnxNode& node, Folding& folding);
OnnxResult FoldActivation(const OnnxNode& node, Folding& folding);

// [D*H], the last axis of whole hidden.
Axis HiddenAxis(const Spec& spec);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_OPERATIONS_H_
