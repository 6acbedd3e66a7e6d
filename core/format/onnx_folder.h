#ifndef UNROLL_CORE_FORMAT_ONNX_FOLDER_H_
#define UNROLL_CORE_FORMAT_ONNX_FOLDER_H_

#include <onnx/onnx_pb.h>

#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/format/onnx_operations.h"

namespace unroll {

// Goes through a graph once, from its inputs to its outputs, and finds what
// each value means to our network. All arguments must outlive it.
class OnnxFolder {
 public:
  // REQUIRES: CheckOnnxGraph is content with the model, and gave `opset`.
  OnnxFolder(const onnx::GraphProto& graph, int64_t opset, OnnxTensors& tensors,
             std::string_view where)
      : graph_(graph), opset_(opset), where_(where), folding_{tensors} {
    folding_.spec.bias = false;  // until a layer has one
  }

  // As OnnxHandler's errors; UNIMPLEMENTED also: an operation that is not
  // served. Nodes that no output needs are not looked at.
  absl::Status Run();

  // After that: what the nodes came to, and what a graph's output means.
  const Folding& folding() const { return folding_; }
  const Value& Output(const std::string& name) const {
    return folding_.values.at(name);
  }
  std::string InputName(int input) const { return graph_.input(input).name(); }

 private:
  using Names = std::set<std::string, std::less<>>;

  absl::Status BindInputs(const Names& needed);
  absl::StatusOr<Value> BindInput(int index) const;
  absl::Status RunNode(const onnx::NodeProto& node);

  const onnx::GraphProto& graph_;
  const int64_t opset_;
  const std::string_view where_;
  Folding folding_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_FOLDER_H_
