#ifndef UNROLL_CORE_FORMAT_STRIDED_H_
#define UNROLL_CORE_FORMAT_STRIDED_H_

#include <cstdint>
#include <span>

#include "core/model/tensor.h"

namespace unroll {

// Whether elements with these strides stand in row-major order, one behind the
// other. REQUIRES, here and below: as many strides as dimensions, none below 0.
bool IsContiguous(const Shape& shape, const Shape& stride);

// From the first element of a view to behind its last one, in elements.
// REQUIRES: it fits.
int64_t SpanOf(const Shape& shape, const Shape& stride);

// Copies elements of a view, in its row-major order, from the element `first`
// on, until `to` is full. `from` begins with the view's first element; an
// element has `width` bytes.
// REQUIRES: the elements are inside the view, and that is inside `from`.
void CopyStrided(const Shape& shape, const Shape& stride, int64_t width,
                 std::span<const char> from, int64_t first, std::span<char> to);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_STRIDED_H_
