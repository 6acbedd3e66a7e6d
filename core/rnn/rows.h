#ifndef UNROLL_CORE_RNN_ROWS_H_
#define UNROLL_CORE_RNN_ROWS_H_

#include <cstdint>

namespace unroll {

// Rows of floats, `stride` floats from one to the next.
struct ConstRows {
  const float* data;
  int64_t stride;
  ConstRows From(int64_t row) const { return {data + row * stride, stride}; }
};
struct Rows {
  float* data;
  int64_t stride;
  Rows From(int64_t row) const { return {data + row * stride, stride}; }
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_ROWS_H_
