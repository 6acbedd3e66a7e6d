#include "client/load/pace.h"

namespace unroll::client {

void RunOpenLoop(const Arrivals& arrivals, LoadRun& run) {
  const LoadOptions& options = run.options;
  const std::vector<absl::Duration> times =
      DrawArrivals(arrivals, run.end, options.seed);
  const std::vector<Work> work =
      DrawWork(std::ssize(times), options.lengths, options.seed);
  run.target.clock.Restart();
  for (int64_t i = 0; i < std::ssize(times); ++i) {
    run.target.clock.SleepUntil(times[i]);
    run.in_flight.Enter();
    StartSequence(options.call, run.target, run.stub(i),
                  {work[i], times[i], options.timeout},
                  [&run](bool) { run.in_flight.Leave(); });
  }
  run.in_flight.WaitUntilEmpty();
}

}  // namespace unroll::client
