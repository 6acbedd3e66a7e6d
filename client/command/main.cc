#include "absl/synchronization/mutex.h"
#include "client/command/commands.h"

int main(int argc, char** argv) {
  // As the server does.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  unroll::client::Terminal terminal = unroll::client::StandardTerminal();
  return unroll::client::RunCommand(argc, argv, terminal);
}
