#ifndef UNROLL_CLIENT_COMMAND_TEXT_H_
#define UNROLL_CLIENT_COMMAND_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace unroll::client {

// The code points of `text`, each as its bytes; they point into it.
// INVALID_ARGUMENT: not UTF-8 (names the byte).
absl::StatusOr<std::vector<std::string_view>> CodePoints(std::string_view text);

// The pieces of `text` between runs of Unicode white space; they point into it.
// INVALID_ARGUMENT: not UTF-8.
absl::StatusOr<std::vector<std::string_view>> Words(std::string_view text);

// `text` as a terminal can show it on one line: control characters and what is
// not UTF-8 are escaped.
std::string Printable(std::string_view text);

// How many columns `text` takes, counting one for each code point.
size_t Width(std::string_view text);

std::string PadRight(std::string_view text, size_t width);
std::string PadLeft(std::string_view text, size_t width);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_TEXT_H_
