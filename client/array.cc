#include "client/array.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace unroll::client {

// Tensor bytes are little-endian and are copied as they lie.
static_assert(std::endian::native == std::endian::little);

std::optional<float> ToFloat(double value) {
  if (std::isfinite(value) &&
      std::abs(value) > std::numeric_limits<float>::max()) {
    return std::nullopt;
  }
  return static_cast<float>(value);
}

std::optional<int64_t> ElementCount(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, size, &count)) return {};
  }
  return count;
}

std::string ShapeString(std::span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

v1::Tensor ToTensor(const Array& array) {
  v1::Tensor tensor;
  tensor.set_data_type(v1::FLOAT32);
  tensor.mutable_shape()->Add(array.shape.begin(), array.shape.end());
  tensor.set_data(array.values.data(), array.values.size() * sizeof(float));
  return tensor;
}

absl::StatusOr<Array> ToArray(const v1::Tensor& tensor) {
  if (tensor.data_type() != v1::FLOAT32 &&
      tensor.data_type() != v1::DATA_TYPE_UNSPECIFIED) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "tensor: data_type %d, expected FLOAT32 (1)", tensor.data_type()));
  }
  Array array;
  array.shape.assign(tensor.shape().begin(), tensor.shape().end());
  const std::optional<int64_t> count = ElementCount(array.shape);
  const uint64_t bytes = tensor.data().size();
  if (!count || bytes % sizeof(float) != 0 ||
      bytes / sizeof(float) != static_cast<uint64_t>(*count)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("tensor: %d bytes of data do not match shape %s", bytes,
                        ShapeString(array.shape)));
  }
  array.values.resize(*count);
  if (*count > 0) std::memcpy(array.values.data(), tensor.data().data(), bytes);
  return array;
}

}  // namespace unroll::client
