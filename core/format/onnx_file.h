#ifndef UNROLL_CORE_FORMAT_ONNX_FILE_H_
#define UNROLL_CORE_FORMAT_ONNX_FILE_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace unroll {

// The bytes of an ONNX file, wherever they are.
struct OnnxBytes {
  int64_t size = 0;
  // Fills `bytes` from `begin` on; the range is within `size`.
  std::function<absl::Status(int64_t begin, std::span<char> bytes)> read;
};

// A range of them.
struct OnnxExtent {
  int64_t begin = 0;
  int64_t size = 0;
};

// Reads the messages of an ONNX file, all but the tensors' raw data: those
// stay where they are, and RawData says where that is. So this takes little
// memory, however large the weights and whatever the bytes are: what Protobuf
// would make of the rest is estimated first.
// INVALID_ARGUMENT: not Protobuf's wire format, or not these messages;
// RESOURCE_EXHAUSTED: more than 32 MiB of messages. As `bytes.read` besides.
absl::StatusOr<onnx::ModelProto> ReadOnnxMessages(const OnnxBytes& bytes,
                                                  std::string_view where);

// Where the raw data of a tensor of such a message is.
// REQUIRES: tensor.has_raw_data().
OnnxExtent RawData(const onnx::TensorProto& tensor);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_FILE_H_
