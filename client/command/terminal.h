#ifndef UNROLL_CLIENT_COMMAND_TERMINAL_H_
#define UNROLL_CLIENT_COMMAND_TERMINAL_H_

#include <istream>
#include <ostream>

#include "absl/status/status.h"

namespace unroll::client {

// What a command reads and writes.
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool typed = false;    // `in` is typed by a person
  bool unicode = false;  // `out` can draw block characters
  bool watched = false;  // a person sees `err`
};

// The process's own.
Terminal StandardTerminal();

enum ExitCode { kSuccess = 0, kCallFailed = 1, kBadUsage = 2, kSloMissed = 3 };

// Both tell `err` of a status that is not OK and return the exit code. Bad
// usage is what was wrong before anything was asked of the server.
int CallFailed(const absl::Status& status, Terminal& terminal);
int BadUsage(const absl::Status& status, Terminal& terminal);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_TERMINAL_H_
