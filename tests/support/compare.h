#ifndef UNROLL_TESTS_SUPPORT_COMPARE_H_
#define UNROLL_TESTS_SUPPORT_COMPARE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model/tensor.h"

namespace unroll::testing {

// Whether |got - want| <= tolerance * max(1, |want|) for all; if not, the first
// mismatch. `shape` is that of `want`, to tell where it is.
inline ::testing::AssertionResult IsClose(std::span<const float> got,
                                          std::span<const double> want,
                                          const Shape& shape,
                                          double tolerance = 1e-5) {
  const int64_t width = shape.empty() ? 1 : shape.back();
  if (got.size() != want.size()) {
    return ::testing::AssertionFailure()
           << got.size() << " numbers, expected " << want.size() << " "
           << ShapeString(shape);
  }
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - want[i]);
    const double allowed = tolerance * std::max(1.0, std::abs(want[i]));
    if (error <= allowed) continue;  // so written that a NaN fails
    return ::testing::AssertionFailure()
           << "element [" << i / width << "," << i % width << "] of "
           << ShapeString(shape) << ": " << got[i] << ", expected " << want[i]
           << ", off by " << error << ", allowed " << allowed;
  }
  return ::testing::AssertionSuccess();
}

inline void ExpectClose(std::span<const float> got,
                        std::span<const double> want, const std::string& what,
                        double tolerance = 1e-5) {
  const Shape shape = {static_cast<int64_t>(want.size())};
  ASSERT_TRUE(IsClose(got, want, shape, tolerance)) << what;
}

inline std::vector<double> Flatten(
    const std::vector<std::vector<double>>& rows) {
  std::vector<double> values;
  for (const auto& row : rows) {
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_COMPARE_H_
