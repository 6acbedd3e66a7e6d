#ifndef UNROLL_CORE_FORMAT_STRIDED_H_
#define UNROLL_CORE_FORMAT_STRIDED_H_

#include <cstdint>
#include <optional>
#include <span>

#include "core/model/tensor.h"

namespace unroll {

// Views of a storage: elements at multiples of a stride for each dimension.

// From the first element to behind the last one, in elements; nothing when that
// does not fit or a stride is negative.
// REQUIRES, here and below: as many strides as dimensions, none of which is
// negative.
std::optional<int64_t> SpanOf(const Shape& shape, const Shape& stride);

// Whether the elements stand in row-major order, one behind the other.
// REQUIRES, here and below: the view has elements, and a span that fits.
bool IsContiguous(const Shape& shape, const Shape& stride);

// Copies elements of a view, in its row-major order, from the element `first`
// on, until `to` is full. `from` is the view's span; an element has `width`
// bytes.
// REQUIRES: the elements are inside the view.
void CopyStrided(const Shape& shape, const Shape& stride, int64_t width,
                 std::span<const char> from, int64_t first, std::span<char> to);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_STRIDED_H_
