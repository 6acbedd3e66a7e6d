#include "server/infer_call.h"

namespace unroll::server {

InferCall::InferCall(CallEnvironment& environment,
                     grpc::CallbackServerContext& context,
                     const inference::ModelInferRequest& request,
                     inference::ModelInferResponse& response)
    : record_(environment, "ModelInfer", request.model_name()),
      run_(environment, request, response,
           [this](const absl::Status& status) { End(status); }) {
  const absl::Status status = run_.Begin(Deadline(context, environment.clock));
  if (status.ok()) return;
  SetPushback(status, context);
  End(status);
}

void InferCall::End(const absl::Status& status) {
  record_.End(status, run_.Detail());
  Finish(ToGrpc(status));
}

}  // namespace unroll::server
