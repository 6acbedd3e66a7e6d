#ifndef UNROLL_SERVER_LOG_H_
#define UNROLL_SERVER_LOG_H_

#include <string>

namespace unroll::server {

// Sends spdlog's default logger to stderr, as text for people or as one JSON
// object a line ("time", "level", "message"). `level` and `format` are values
// of
// --log-level and --log-format.
void SetUpLogging(const std::string& level, const std::string& format);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_LOG_H_
