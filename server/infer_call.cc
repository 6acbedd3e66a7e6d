#include "server/infer_call.h"

namespace unroll::server {

InferCall::InferCall(CallEnvironment& environment,
                     grpc::CallbackServerContext& context,
                     const Received<inference::ModelInferRequest>& received,
                     inference::ModelInferResponse& response)
    : context_(context),
      record_(environment, "ModelInfer", received.message.model_name()),
      run_(environment, received, response, *this) {
  run_.Begin({.deadline = Deadline(context, environment.clock)});
}

void InferCall::OnEnded(const absl::Status& status) {
  record_.End(status, [this] { return run_.Detail(); });
  SetPushback(status, context_);
  Finish(ToGrpc(status));
}

}  // namespace unroll::server
