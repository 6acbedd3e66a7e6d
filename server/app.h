#ifndef UNROLL_SERVER_APP_H_
#define UNROLL_SERVER_APP_H_

#include "server/flags.h"

namespace unroll::server {

// Puts the server together, serves until SIGTERM or SIGINT, drains, and returns
// the process's exit code. REQUIRES: those signals are blocked in all threads.
int RunServer(const Flags& flags);

// --check: loads everything, prints what was understood, returns the exit code.
int CheckRepository(const Flags& flags);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_APP_H_
