#ifndef UNROLL_CLIENT_COMMAND_COMMANDS_H_
#define UNROLL_CLIENT_COMMAND_COMMANDS_H_

#include "client/command/bench_flags.h"
#include "client/command/flags.h"
#include "client/command/terminal.h"

namespace unroll::client {

// The subcommands. Each returns an ExitCode, having told terminal.err why it is
// not kSuccess.
int RunModels(const ModelFlags& flags, Terminal& terminal);
int RunInspect(const InspectFlags& flags, Terminal& terminal);
int RunHealth(const HealthFlags& flags, Terminal& terminal);
int RunPredict(const PredictFlags& flags, Terminal& terminal);
int RunStream(const PredictFlags& flags, Terminal& terminal);
int RunLive(const LiveFlags& flags, Terminal& terminal);
int RunBench(const BenchFlags& flags, Terminal& terminal);

// The command as a whole. argv[0] is the program.
int RunCommand(int argc, const char* const* argv, Terminal& terminal);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_COMMANDS_H_
