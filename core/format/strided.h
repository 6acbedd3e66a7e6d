#ifndef UNROLL_CORE_FORMAT_STRIDED_H_
#define UNROLL_CORE_FORMAT_STRIDED_H_

#include <cstdint>
#include <span>

#include "core/model/tensor.h"

namespace unroll {

// Views of a storage: elements at multiples of a stride for each dimension.
// REQUIRES everywhere: the last element's place fits an int64, and so does the
// number of elements, which is not 0; strides are not negative.

// Whether the elements stand in row-major order, one behind the other.
bool IsContiguous(const Shape& shape, const Shape& stride);

// From the first element to behind the last one, in elements.
int64_t SpanOf(const Shape& shape, const Shape& stride);

// Copies elements of a view, in its row-major order, from the element `first`
// on, until `to` is full. `from` begins with the view's first element; an
// element has `width` bytes.
// REQUIRES: the elements are inside the view, and that is inside `from`.
void CopyStrided(const Shape& shape, const Shape& stride, int64_t width,
                 std::span<const char> from, int64_t first, std::span<char> to);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_STRIDED_H_
