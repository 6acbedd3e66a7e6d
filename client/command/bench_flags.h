#ifndef UNROLL_CLIENT_COMMAND_BENCH_FLAGS_H_
#define UNROLL_CLIENT_COMMAND_BENCH_FLAGS_H_

#include <vector>

#include "client/command/flags.h"
#include "client/load/run_load.h"
#include "client/load/slo.h"

namespace unroll::client {

struct BenchFlags {
  ModelFlags model;
  // But for address and timeout, which are the connection's.
  LoadOptions load = {.warmup = absl::Seconds(1),
                      .duration = absl::Seconds(10)};
  v1::Outputs outputs;  // its results as given
  std::vector<Slo> slos;
  bool progress = false;

  // What load.pace is made of: one of the first three is not 0.
  double rate = 0;
  int64_t concurrency = 0;
  int64_t live = 0;
  bool poisson = true;
  absl::Duration step_interval = absl::Milliseconds(10);
};

// As those in flags.h.
void AddBenchFlags(CLI::App& app, BenchFlags& flags);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_BENCH_FLAGS_H_
