#include <atomic>

#include "client/load/live_stream.h"
#include "client/load/pace.h"

namespace unroll::client {

int64_t RunLiveStreams(const LiveStreams& streams, LoadRun& run) {
  const LoadOptions& options = run.options;
  const std::vector<absl::Duration> phases =
      DrawPhases(streams.streams, streams.interval, options.seed);
  const std::vector<Work> work =
      DrawWork(streams.streams, options.lengths, options.seed);
  std::vector<std::unique_ptr<LiveStream>> live;
  std::atomic<int64_t> standing = streams.streams;
  int64_t measured = 0;
  run.target.clock.Restart();
  for (int64_t step = 0;; ++step) {
    const int64_t number = step % streams.streams;
    const absl::Duration due =
        phases[number] + step / streams.streams * streams.interval;
    if (due >= run.end) break;
    const bool counts = run.target.recorder.Measures(due);
    measured += counts ? 1 : 0;
    if (standing == 0) continue;  // no use waiting
    run.target.clock.SleepUntil(due);
    if (step == number) {  // its first
      run.in_flight.Enter();
      live.push_back(std::make_unique<LiveStream>(
          run.target, run.stub(number), work[number].input,
          run.end + options.timeout, [&] {
            --standing;
            run.in_flight.Leave();
          }));
    }
    run.target.recorder.OnSent(counts, run.target.clock.Now() - due);
    live[number]->Step(due);
  }
  for (const auto& stream : live) stream->HalfClose();
  run.in_flight.WaitUntilEmpty();
  return measured;
}

}  // namespace unroll::client
