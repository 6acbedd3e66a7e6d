#ifndef UNROLL_CLIENT_LOAD_SEQUENCE_CALL_H_
#define UNROLL_CLIENT_LOAD_SEQUENCE_CALL_H_

#include <functional>

#include "absl/time/time.h"
#include "client/load/schedule.h"
#include "client/load/target.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::client {

enum class CallKind {
  kPredict,
  kStream,  // PredictStream
  kLive     // one step at a time, each after the last one's result
};

// A sequence that is due now or was before.
struct DueWork {
  Work work;
  absl::Duration due;
  absl::Duration timeout;  // from the call on
};

// Sends a sequence without waiting, and tells target.recorder all about it.
// Then `done` is called, from a thread of gRPC's.
void StartSequence(CallKind kind, Target& target,
                   v1::SequenceInference::Stub& stub, const DueWork& work,
                   std::function<void(bool ok)> done);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_SEQUENCE_CALL_H_
