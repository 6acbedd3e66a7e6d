#ifndef UNROLL_CLIENT_COMMAND_ROWS_H_
#define UNROLL_CLIENT_COMMAND_ROWS_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "client/array.h"
#include "unroll/v1/tensor.pb.h"

namespace unroll::client {

// The rows of a [S, width] tensor; of none, when it is not set.
class Rows {
 public:
  // INVALID_ARGUMENT: the data does not match the shape.
  static absl::StatusOr<Rows> Of(const v1::Tensor& tensor);

  const Array& array() const { return array_; }
  int64_t size() const { return size_; }
  // [] when there is no such row. Borrowed from this.
  std::span<const float> operator[](int64_t row) const;

 private:
  explicit Rows(Array array);

  Array array_;
  int64_t size_ = 0;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_ROWS_H_
