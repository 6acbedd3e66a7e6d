#ifndef UNROLL_TESTS_CORE_FORMAT_ONNX_GRAPH_H_
#define UNROLL_TESTS_CORE_FORMAT_ONNX_GRAPH_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/format/onnx_network.h"

// Graphs made from messages, right or wrong.
namespace unroll::testing {

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::ModelProto;
using onnx::NodeProto;
using onnx::TensorProto;

inline constexpr int64_t kMaxOnnxBytes = 64 << 20;

using Numbers = std::vector<int64_t>;

// A tensor of small floats.
TensorProto& AddTensor(GraphProto& graph, const std::string& name,
                       const Numbers& shape);
TensorProto& AddIntegers(GraphProto& graph, const std::string& name,
                         const Numbers& numbers);

// Sizes of 0 are left to the calls.
void AddInput(GraphProto& graph, const std::string& name,
              TensorProto::DataType type, const Numbers& shape);
NodeProto& AddNode(GraphProto& graph, const std::string& op,
                   const std::vector<std::string>& inputs,
                   const std::string& output);
AttributeProto& AddAttribute(NodeProto& node, const std::string& name,
                             AttributeProto::AttributeType type);
void SetInt(NodeProto& node, const std::string& name, int64_t value);
void SetInts(NodeProto& node, const std::string& name, const Numbers& values);
void SetString(NodeProto& node, const std::string& name,
               const std::string& value);
void SetStrings(NodeProto& node, const std::string& name,
                const std::vector<std::string>& values);
void SetOutput(GraphProto& graph, const std::string& name);

// x [T,N,2] -> RNN of 3 -> y [T,1,N,3], y_h [1,N,3]; the output is y.
ModelProto GoodOnnx();

// Reads it as the file "f", with kMaxOnnxBytes.
absl::StatusOr<OnnxNetwork> Parse(const ModelProto& model);

// What is done to GoodOnnx(), whose parts these are, and how it is refused.
struct BrokenOnnx {
  std::string what;
  std::function<void(ModelProto& model, GraphProto& graph, NodeProto& rnn)>
      break_it;
  absl::StatusCode code;
  std::string part;  // of the message
};
void ExpectRefused(std::span<const BrokenOnnx> all);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_CORE_FORMAT_ONNX_GRAPH_H_
