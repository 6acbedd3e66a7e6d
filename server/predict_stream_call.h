#ifndef UNROLL_SERVER_PREDICT_STREAM_CALL_H_
#define UNROLL_SERVER_PREDICT_STREAM_CALL_H_

#include "server/received.h"
#include "server/stream_call.h"

namespace unroll::server {

// One PredictStream call.
class PredictStreamCall final
    : public StreamCall<grpc::ServerWriteReactor<v1::PredictStreamResponse>,
                        v1::PredictStreamResponse> {
 public:
  // `received` lives until the call is done, by gRPC's promise.
  PredictStreamCall(CallEnvironment& environment,
                    grpc::CallbackServerContext& context,
                    const Received<v1::PredictStreamRequest>& received);

 private:
  absl::Status Begin(const grpc::CallbackServerContext& context,
                     const Received<v1::PredictStreamRequest>& received);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_PREDICT_STREAM_CALL_H_
