#ifndef UNROLL_CORE_RNN_ROWS_H_
#define UNROLL_CORE_RNN_ROWS_H_

#include <cstdint>
#include <cstring>

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
  operator ConstRows() const { return {data, stride}; }  // as with pointers
};

inline void CopyRow(const float* from, float* to, int64_t count) {
  std::memcpy(to, from, count * sizeof(float));
}

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_ROWS_H_
