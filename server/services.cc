#include "server/services.h"

#include "core/serve/report.h"
#include "server/describe.h"
#include "server/live_call.h"
#include "server/predict_call.h"
#include "server/predict_stream_call.h"

namespace unroll::server {
namespace {

v1::ModelState StateOf(ModelRegistry::State state) {
  switch (state) {
    case ModelRegistry::State::kLoading:
      return v1::LOADING;
    case ModelRegistry::State::kReady:
      return v1::READY;
    case ModelRegistry::State::kFailed:
      return v1::FAILED;
  }
  return v1::MODEL_STATE_UNSPECIFIED;
}

}  // namespace

// The calls below delete themselves when gRPC is done with them.

SequenceInferenceService::SequenceInferenceService(CallEnvironment& environment)
    : environment_(environment) {
  // As generated code does, where 2 is the method's place in the service.
  using Handler = grpc::internal::CallbackBidiHandler<Received<v1::LiveRequest>,
                                                      v1::LiveResponse>;
  MarkMethodCallback(2, new Handler([this](auto* context) {
                       return new LiveCall(environment_, *context);
                     }));
}

grpc::ServerUnaryReactor* SequenceInferenceService::Predict(
    grpc::CallbackServerContext* context, const v1::PredictRequest* request,
    v1::PredictResponse* response) {
  return new PredictCall(environment_, *context, *request, *response);
}

grpc::ServerWriteReactor<v1::PredictStreamResponse>*
SequenceInferenceService::PredictStream(
    grpc::CallbackServerContext* context,
    const v1::PredictStreamRequest* request) {
  return new PredictStreamCall(environment_, *context, *request);
}

grpc::ServerUnaryReactor* ModelsService::ListModels(
    grpc::CallbackServerContext* context, const v1::ListModelsRequest*,
    v1::ListModelsResponse* response) {
  const CallRecord record(environment_, "ListModels", "");
  for (const ModelRegistry::Entry& entry : environment_.models.List()) {
    v1::ModelStatus& status = *response->add_models();
    status.set_name(entry.path.name);
    status.set_version(entry.path.version);
    status.set_state(StateOf(entry.state));
    status.set_is_default(entry.is_default);
    if (entry.model != nullptr) {
      status.set_summary(Summary(entry.model->info));
    } else if (!entry.error.ok()) {
      status.set_error(entry.error.ToString());
    }
  }
  return FinishNow(*context, record, absl::OkStatus());
}

grpc::ServerUnaryReactor* ModelsService::GetModel(
    grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
    v1::GetModelResponse* response) {
  const CallRecord record(environment_, "GetModel", request->name());
  const auto model =
      environment_.models.Find(request->name(), request->version());
  if (model.ok()) Describe(**model, *response);
  return FinishNow(*context, record, model.status());
}

}  // namespace unroll::server
