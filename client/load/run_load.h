#ifndef UNROLL_CLIENT_LOAD_RUN_LOAD_H_
#define UNROLL_CLIENT_LOAD_RUN_LOAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/load/lengths.h"
#include "client/load/recorder.h"
#include "client/load/schedule.h"
#include "client/load/sequence_call.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// So many sequences at a time, each sent when one has ended.
struct Concurrency {
  int64_t sequences = 1;
};

// So many live streams (W5), each with a step every `interval`, however its
// results come.
struct LiveStreams {
  int64_t streams = 1;
  absl::Duration interval;
};

struct LoadOptions {
  std::string address;
  // Arrivals: sent when they are due, however many are under way (open loop).
  std::variant<Arrivals, Concurrency, LiveStreams> pace;
  // Of each sequence; LiveStreams have their own kind and no length.
  CallKind call = CallKind::kPredict;
  Lengths lengths = Lengths::Parse("w1").value();
  absl::Duration warmup;
  absl::Duration duration;  // of measuring, after the warm-up
  absl::Duration timeout;   // of a call; of a live stream, after the end
  int64_t connections = 1;
  uint64_t seed = 1;
};

// INVALID_ARGUMENT: more arrivals than can be drawn beforehand, or more live
// streams than steps in the time.
absl::Status CheckLoad(const LoadOptions& options);

// Loads a server and waits for all answers. Calls `progress` once a second.
// Borrows all until it returns. REQUIRES: CheckLoad is OK.
LoadReport RunLoad(const LoadOptions& options,
                   const v1::GetModelResponse& model,
                   const v1::Outputs& outputs,
                   const std::function<void(const LoadProgress&)>& progress);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_RUN_LOAD_H_
