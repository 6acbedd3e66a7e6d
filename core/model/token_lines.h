#ifndef UNROLL_CORE_MODEL_TOKEN_LINES_H_
#define UNROLL_CORE_MODEL_TOKEN_LINES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace unroll {

// The lines of a vocab.txt or labels.txt: UTF-8, line 1 is entry 0, with the
// escapes \n \t \\ and nothing trimmed (but a final newline ends the last
// line). `where` names the file in messages.
// INVALID_ARGUMENT, with the line: bad UTF-8, an unknown escape, an empty or
// repeated entry, "\r\n" at the end of every line, a byte order mark in front,
// no lines.
absl::StatusOr<std::vector<std::string>> ParseTokenLines(
    std::string_view text, std::string_view where);

// How many lines there are, before memory is taken for them.
int64_t CountTokenLines(std::string_view text);

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_TOKEN_LINES_H_
