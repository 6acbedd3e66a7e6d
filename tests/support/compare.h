#ifndef UNROLL_TESTS_SUPPORT_COMPARE_H_
#define UNROLL_TESTS_SUPPORT_COMPARE_H_

#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace unroll::testing {

// |got - want| <= tolerance * max(1, |want|), for all; tells the first
// mismatch.
inline void ExpectClose(std::span<const float> got,
                        std::span<const double> want, const std::string& what,
                        double tolerance = 1e-5) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(double{got[i]} - want[i]);
    ASSERT_LE(error, tolerance * std::max(1.0, std::abs(want[i])))
        << what << ": element " << i << " is " << got[i] << ", expected "
        << want[i];
  }
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
