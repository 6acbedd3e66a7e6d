#include "core/format/strided.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/base/checked.h"

namespace unroll {

std::optional<int64_t> SpanOf(const Shape& shape, const Shape& stride) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  int64_t span = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto step = CheckedMultiply(shape[i] - 1, stride[i]);
    if (!step || __builtin_add_overflow(span, *step, &span)) {
      return std::nullopt;
    }
  }
  return span;
}

bool IsContiguous(const Shape& shape, const Shape& stride) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;  // its stride is never used
    if (stride[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
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
      if (++index[i] < shape[i]) {
        at += stride[i];
        break;
      }
      at -= (shape[i] - 1) * stride[i];
      index[i] = 0;
    }
  }
}

}  // namespace unroll
