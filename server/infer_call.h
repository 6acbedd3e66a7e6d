#ifndef UNROLL_SERVER_INFER_CALL_H_
#define UNROLL_SERVER_INFER_CALL_H_

#include "server/call.h"
#include "server/infer_run.h"

namespace unroll::server {

// One ModelInfer call. Owns itself: made with new, deleted by gRPC's OnDone.
class InferCall final : public grpc::ServerUnaryReactor,
                        private InferRun::Client {
 public:
  // `received` and `response` live until the call is done, by gRPC's promise.
  InferCall(CallEnvironment& environment, grpc::CallbackServerContext& context,
            const Received<inference::ModelInferRequest>& received,
            inference::ModelInferResponse& response);

  void OnCancel() override { run_.Cancel(); }
  void OnDone() override { delete this; }
  bool InternalInlineable() override { return true; }  // as PredictCall

 private:
  void OnEnded(const absl::Status& status) override;

  grpc::CallbackServerContext& context_;
  const CallRecord record_;
  InferRun run_;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_CALL_H_
