#include "client/command/commands.h"
#include "client/inspect/inspect.h"

namespace unroll::client {

int RunInspect(const InspectFlags& flags, Terminal& terminal) {
  return Inspect(flags.path, flags.json, terminal.out, terminal.err)
             ? kSuccess
             : kCallFailed;
}

}  // namespace unroll::client
