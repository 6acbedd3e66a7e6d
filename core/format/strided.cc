#include "core/format/strided.h"

#include <cstddef>
#include <cstring>

namespace unroll {

bool IsContiguous(const Shape& shape, const Shape& stride) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;  // its stride is never used
    if (stride[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

int64_t SpanOf(const Shape& shape, const Shape& stride) {
  int64_t span = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    span += (shape[i] - 1) * stride[i];
  }
  return span;
}

void CopyStrided(const Shape& shape, const Shape& stride, int64_t width,
                 std::span<const char> from, int64_t first,
                 std::span<char> to) {
  Shape index(shape.size());
  int64_t at = 0;  // of the element, in `from`
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = first % shape[i];
    first /= shape[i];
    at += index[i] * stride[i];
  }
  for (size_t done = 0; done < to.size(); done += width) {
    std::memcpy(to.data() + done, from.data() + at * width, width);
    for (size_t i = shape.size(); i-- > 0;) {
      at += stride[i];
      if (++index[i] < shape[i]) break;
      at -= shape[i] * stride[i];
      index[i] = 0;
    }
  }
}

}  // namespace unroll
