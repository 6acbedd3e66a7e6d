#ifndef UNROLL_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define UNROLL_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace unroll::testing {

inline const absl::Status& ToStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& ToStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

// EXPECT_THAT(status or StatusOr, IsOk()).
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << ToStatus(arg).ToString();
  return ToStatus(arg).ok();
}

// EXPECT_THAT(..., IsError(absl::StatusCode::kNotFound, "part of message")).
MATCHER_P2(IsError, code, part,
           absl::StrCat("is ", absl::StatusCodeToString(code), " with \"", part,
                        "\"")) {
  const absl::Status& status = ToStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         std::string(status.message()).find(part) != std::string::npos;
}

}  // namespace unroll::testing

// Declares `target` from a StatusOr, or ends the test.
#define ASSERT_OK_AND_ASSIGN(target, expression)                             \
  ASSERT_OK_AND_ASSIGN_IMPL_(UNROLL_TEST_CONCAT_(result_, __LINE__), target, \
                             expression)
#define ASSERT_OK_AND_ASSIGN_IMPL_(result, target, expression) \
  auto result = (expression);                                  \
  ASSERT_THAT(result, ::unroll::testing::IsOk());              \
  target = *std::move(result)
#define UNROLL_TEST_CONCAT_(a, b) UNROLL_TEST_CONCAT_INNER_(a, b)
#define UNROLL_TEST_CONCAT_INNER_(a, b) a##b

#endif  // UNROLL_TESTS_SUPPORT_STATUS_MATCHERS_H_
