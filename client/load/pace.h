#ifndef UNROLL_CLIENT_LOAD_PACE_H_
#define UNROLL_CLIENT_LOAD_PACE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "client/load/in_flight.h"
#include "client/load/run_load.h"
#include "client/load/target.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::client {

// A run, as the three ways of pacing see it.
struct LoadRun {
  const LoadOptions& options;
  absl::Duration end;  // of what is due
  Target target;
  std::vector<std::unique_ptr<v1::SequenceInference::Stub>> stubs;
  InFlight in_flight;

  // The connection of a sequence or stream.
  v1::SequenceInference::Stub& stub(int64_t number) const {
    return *stubs[number % std::ssize(stubs)];
  }
};

// Each sends what its pace says, and returns when all calls have ended.
void RunOpenLoop(const Arrivals& arrivals, LoadRun& run);
void RunClosedLoop(const Concurrency& concurrency, LoadRun& run);
// Returns how many measured steps there were to send.
int64_t RunLiveStreams(const LiveStreams& streams, LoadRun& run);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_PACE_H_
