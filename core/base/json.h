#ifndef UNROLL_CORE_BASE_JSON_H_
#define UNROLL_CORE_BASE_JSON_H_

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"

namespace unroll {

// The most arrays and objects inside each other.
inline constexpr int kMaxJsonDepth = 32;

// Parses JSON text from outside. `where` names the file in messages.
// INVALID_ARGUMENT, with line and byte: not JSON (comments, trailing commas,
// zero bytes and bad UTF-8 are not), a key that appears twice in an object,
// nesting past kMaxJsonDepth, a number that no double holds.
absl::StatusOr<nlohmann::json> ParseJson(std::string_view text,
                                         std::string_view where);

// What kind of value it is, with its article: "an array", "a string", ...
std::string_view JsonKind(const nlohmann::json& value);

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_JSON_H_
