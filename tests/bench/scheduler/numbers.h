#ifndef UNROLL_TESTS_BENCH_SCHEDULER_NUMBERS_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_NUMBERS_H_

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "core/base/invalid.h"

namespace unroll::bench {

// Numbers in the lines that the worker is told.

inline absl::StatusOr<int64_t> WholeNumber(const std::string& word) {
  int64_t number;
  if (!absl::SimpleAtoi(word, &number) || number < 0) {
    return Invalid("\"%s\", expected a whole number from 0 on", word);
  }
  return number;
}

inline absl::StatusOr<double> Number(const std::string& word) {
  double number;
  if (!absl::SimpleAtod(word, &number) || !std::isfinite(number) ||
      number < 0) {
    return Invalid("\"%s\", expected a number from 0 on", word);
  }
  return number;
}

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_NUMBERS_H_
