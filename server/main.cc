#include <csignal>
#include <cstdlib>

#include "absl/synchronization/mutex.h"
#include "server/app.h"
#include "server/flags.h"
#include "server/log.h"

int main(int argc, char** argv) {
  const auto [flags, exit_code] = unroll::server::ParseFlags(argc, argv);
  if (exit_code) return *exit_code;
  unroll::server::SetUpLogging(flags.log_level, flags.log_format);
  if (flags.check) return unroll::server::CheckRepository(flags);

  // Debian's Abseil otherwise looks for deadlocks at every lock that gRPC
  // takes.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Before any thread is made, so that all inherit it: signals are waited for.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return unroll::server::RunServer(flags);
}
