#ifndef UNROLL_CLIENT_COMMAND_TABLE_H_
#define UNROLL_CLIENT_COMMAND_TABLE_H_

#include <string>
#include <vector>

namespace unroll::client {

// Lines of cells in aligned columns, two spaces apart. Each row begins with
// `indent` spaces and ends without any. A row may have fewer cells.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows,
                        int indent);

// A bar of at most `width` columns. `fraction` is cut to 0 to 1; NaN is 0.
// `unicode`: eighths of block characters, otherwise '#'.
std::string Bar(double fraction, int width, bool unicode);

// "1.4 MB": three digits or so.
std::string FormatBytes(double bytes);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_TABLE_H_
