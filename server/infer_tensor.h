#ifndef UNROLL_SERVER_INFER_TENSOR_H_
#define UNROLL_SERVER_INFER_TENSOR_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/tensor.h"
#include "inference/grpc_service.pb.h"

namespace unroll::server {

// An input tensor where it lies in its request, raw or typed: its elements are
// as many as its shape says. Borrows from the request.
struct InferTensor {
  std::string_view name;
  std::string_view datatype;
  Shape shape;
  int64_t elements = 0;

  // But for BYTES: elements, little-endian, aligned to their size.
  std::string_view bytes;
  std::vector<std::string_view> strings;  // of BYTES

  template <typename T>
  std::span<const T> As() const {
    return {reinterpret_cast<const T*>(bytes.data()),
            static_cast<size_t>(elements)};
  }
};

// A request's inputs, by name. Takes memory only for what is there.
// INVALID_ARGUMENT: `input "<name>": ...` has a datatype that nothing takes,
// other data than its shape says, or comes twice; raw and typed contents are
// mixed. UNIMPLEMENTED: shared memory.
absl::StatusOr<std::map<std::string_view, InferTensor>> ReadInferTensors(
    const inference::ModelInferRequest& request);

// What converting FP16 and BF16 to floats will take.
int64_t ConvertedBytes(const inference::ModelInferRequest& request);

// The floats of FP32; of FP16 and BF16, they are converted into `converted`.
// REQUIRES: it is one of them.
std::span<const float> Floats(const InferTensor& tensor,
                              std::vector<float>& converted);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_TENSOR_H_
