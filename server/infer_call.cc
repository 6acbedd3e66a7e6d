#include "server/infer_call.h"

namespace unroll::server {

InferCall::InferCall(CallEnvironment& environment,
                     grpc::CallbackServerContext& context,
                     const inference::ModelInferRequest& request,
                     inference::ModelInferResponse& response)
    : record_(environment, "ModelInfer", request.model_name()),
      run_(environment, request, response, *this) {
  const absl::Status status =
      run_.Begin({.deadline = Deadline(context, environment.clock)});
  if (status.ok()) return;
  SetPushback(status, context);
  OnEnded(status);
}

void InferCall::OnEnded(const absl::Status& status) {
  record_.End(status, [this] { return run_.Detail(); });
  Finish(ToGrpc(status));
}

}  // namespace unroll::server
