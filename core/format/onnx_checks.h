#ifndef UNROLL_CORE_FORMAT_ONNX_CHECKS_H_
#define UNROLL_CORE_FORMAT_ONNX_CHECKS_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace unroll {

// Whether a model is put together as ONNX says, so that the rest need not look
// again: every name is valid UTF-8 and given once, every node reads what is
// made before it. Gives the version of its operation set.
// INVALID_ARGUMENT: it is not; UNIMPLEMENTED: a version or a part of ONNX that
// is not served; RESOURCE_EXHAUSTED: too many nodes or initializers.
absl::StatusOr<int64_t> CheckOnnxGraph(const onnx::ModelProto& model,
                                       std::string_view where);

// What ONNX's own checker says of the nodes, if it knows their operation set:
// that attributes and numbers of inputs fit the operations. (Of whole models it
// asks for more than exporters write.) INVALID_ARGUMENT: they do not.
absl::Status RunOnnxChecker(const onnx::ModelProto& model, int64_t opset,
                            std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_CHECKS_H_
