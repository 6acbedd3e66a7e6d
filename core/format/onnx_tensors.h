#ifndef UNROLL_CORE_FORMAT_ONNX_TENSORS_H_
#define UNROLL_CORE_FORMAT_ONNX_TENSORS_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/format/onnx_file.h"
#include "core/format/onnx_value.h"

namespace unroll {

// The most whole numbers of a constant: they are axes, shapes and lengths.
inline constexpr int64_t kMaxOnnxIntegers = 256;

// The tensors of an ONNX file. `bytes` must outlive it. Messages name the
// tensor. After RESOURCE_EXHAUSTED nothing more can be read.
class OnnxTensors {
 public:
  // All floats that are ever taken from it come to at most `max_bytes`.
  OnnxTensors(const OnnxBytes& bytes, int64_t max_bytes, std::string_view where)
      : bytes_(bytes), max_bytes_(max_bytes), left_(max_bytes), where_(where) {}

  // A constant of the file: numbers are read if they are whole, and only looked
  // at if not. `name` is for messages.
  // INVALID_ARGUMENT: shape, type and data do not agree, or it is neither
  // floats nor whole numbers; UNIMPLEMENTED: external data.
  absl::StatusOr<Constant> Load(const onnx::TensorProto& tensor,
                                std::string_view name) const;

  // The numbers of a constant that is_float(), of a shape as it says.
  // INVALID_ARGUMENT: not finite in float32; RESOURCE_EXHAUSTED: past
  // max_bytes.
  absl::StatusOr<Tensor> Floats(const Constant& constant);

  // RESOURCE_EXHAUSTED: so many floats more are past max_bytes.
  absl::Status Take(int64_t floats);

 private:
  const OnnxBytes& bytes_;
  const int64_t max_bytes_;
  int64_t left_;
  const std::string where_;
};

// The transpose of a matrix.
Tensor Transposed(const Tensor& matrix);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_TENSORS_H_
