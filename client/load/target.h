#ifndef UNROLL_CLIENT_LOAD_TARGET_H_
#define UNROLL_CLIENT_LOAD_TARGET_H_

#include <grpcpp/client_context.h>

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "client/load/inputs.h"
#include "client/load/recorder.h"
#include "client/load/run_clock.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// What all calls of a run share, and outlives them.
struct Target {
  std::string model;
  int64_t version = 0;
  v1::Outputs outputs;
  Inputs inputs;
  Recorder recorder;
  RunClock clock;

  void SetDeadline(absl::Duration at, grpc::ClientContext& context) const {
    if (at == absl::InfiniteDuration()) return;
    context.set_deadline(std::chrono::system_clock::now() +
                         absl::ToChronoNanoseconds(at - clock.Now()));
  }
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_TARGET_H_
