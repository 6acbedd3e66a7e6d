#ifndef UNROLL_CLIENT_ARRAY_H_
#define UNROLL_CLIENT_ARRAY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "unroll/v1/tensor.pb.h"

namespace unroll::client {

// float32 numbers with a shape, row-major.
struct Array {
  std::vector<int64_t> shape;
  std::vector<float> values;  // as many as the product of `shape`
};

// Rounded; nothing where it is finite but past float32's range, where a cast
// has no defined result.
std::optional<float> ToFloat(double value);

// The product of `shape`; nothing if it does not fit or a dimension is
// negative.
std::optional<int64_t> ElementCount(std::span<const int64_t> shape);

// "[3,4]"
std::string ShapeString(std::span<const int64_t> shape);

v1::Tensor ToTensor(const Array& array);

// INVALID_ARGUMENT: the tensor is not float32 or its data does not match its
// shape.
absl::StatusOr<Array> ToArray(const v1::Tensor& tensor);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_ARRAY_H_
