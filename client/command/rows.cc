#include "client/command/rows.h"

#include <utility>

#include "client/status_macros.h"

namespace unroll::client {

absl::StatusOr<Rows> Rows::Of(const v1::Tensor& tensor) {
  if (tensor.shape_size() == 0) return Rows(Array());
  ASSIGN_OR_RETURN(Array array, ToArray(tensor));
  return Rows(std::move(array));
}

Rows::Rows(Array array) : array_(std::move(array)) {
  if (array_.shape.size() == 2) size_ = array_.shape[0];
}

std::span<const float> Rows::operator[](int64_t row) const {
  if (row < 0 || row >= size_) return {};
  const int64_t width = array_.shape[1];
  return std::span(array_.values).subspan(row * width, width);
}

}  // namespace unroll::client
