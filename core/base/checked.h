#ifndef UNROLL_CORE_BASE_CHECKED_H_
#define UNROLL_CORE_BASE_CHECKED_H_

#include <cstdint>
#include <optional>
#include <span>

namespace unroll {

// a * b, or nothing when it does not fit or an operand is negative.
inline std::optional<int64_t> CheckedMultiply(int64_t a, int64_t b) {
  int64_t product;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) {
    return std::nullopt;
  }
  return product;
}

// The number of elements of a shape ([] has one), or nothing when it does not
// fit in an int64 or a dimension is negative.
inline std::optional<int64_t> CheckedElements(std::span<const int64_t> shape) {
  // A zero makes the product zero whatever the rest is; the rest must still be
  // sound, so dimensions are looked at one by one.
  std::optional<int64_t> elements = 1;
  for (int64_t dimension : shape) {
    elements = CheckedMultiply(*elements, dimension);
    if (!elements) return std::nullopt;
  }
  return elements;
}

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_CHECKED_H_
