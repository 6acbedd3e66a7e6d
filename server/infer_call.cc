#include "server/infer_call.h"

namespace unroll::server {

InferCall::InferCall(CallEnvironment& environment,
                     grpc::CallbackServerContext& context,
                     const inference::ModelInferRequest& request,
                     inference::ModelInferResponse& response)
    : context_(context),
      record_(environment, "ModelInfer", request.model_name()),
      run_(environment, request, response, *this) {
  run_.Begin({.deadline = Deadline(context, environment.clock)});
}

void InferCall::OnEnded(const absl::Status& status) {
  record_.End(status, [this] { return run_.Detail(); });
  SetPushback(status, context_);
  Finish(ToGrpc(status));
}

}  // namespace unroll::server
