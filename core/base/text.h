#ifndef UNROLL_CORE_BASE_TEXT_H_
#define UNROLL_CORE_BASE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace unroll {

// `text` for a message: one line, printable, valid UTF-8 and at most about
// `most_bytes` long (then "..." follows), whatever `text` holds. The default is
// for names and tokens.
std::string Printable(std::string_view text, size_t most_bytes = 100);

// The same in quotes, for names and tokens.
std::string Quoted(std::string_view text);

// "a, b, c and 7 more": what a message says of a list that may be long.
std::string ListForMessage(const std::vector<std::string>& items);

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_TEXT_H_
