#ifndef UNROLL_CLIENT_STATUS_MACROS_H_
#define UNROLL_CLIENT_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// For .cc files of the client only: core/ has its own pair by the same names.

// Leaves the function with the status of `expression` unless it is OK.
#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status unroll_status_ = (expression); !unroll_status_.ok()) { \
      return unroll_status_;                                                \
    }                                                                       \
  } while (false)

// Assigns the value of a StatusOr `expression` to `target` (which may declare a
// variable), or leaves the function with its status.
#define ASSIGN_OR_RETURN(target, expression)                                 \
  ASSIGN_OR_RETURN_IMPL_(UNROLL_CONCAT_(unroll_statusor_, __LINE__), target, \
                         expression)

#define ASSIGN_OR_RETURN_IMPL_(statusor, target, expression) \
  auto statusor = (expression);                              \
  if (!statusor.ok()) return std::move(statusor).status();   \
  target = *std::move(statusor)

#define UNROLL_CONCAT_(a, b) UNROLL_CONCAT_INNER_(a, b)
#define UNROLL_CONCAT_INNER_(a, b) a##b

#endif  // UNROLL_CLIENT_STATUS_MACROS_H_
