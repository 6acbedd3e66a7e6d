#ifndef UNROLL_CORE_BASE_INVALID_H_
#define UNROLL_CORE_BASE_INVALID_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace unroll {

// INVALID_ARGUMENT with a formatted message.
template <typename... Args>
absl::Status Invalid(const absl::FormatSpec<Args...>& format,
                     const Args&... args) {
  return absl::InvalidArgumentError(absl::StrFormat(format, args...));
}

// The same behind "<where>: ".
template <typename... Args>
absl::Status InvalidAt(std::string_view where,
                       const absl::FormatSpec<Args...>& format,
                       const Args&... args) {
  return Invalid("%s: %s", where, absl::StrFormat(format, args...));
}

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_INVALID_H_
