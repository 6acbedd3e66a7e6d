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

// As generated code does it, but for Received: the numbers are the methods'
// places in the service. The calls delete themselves when gRPC is done with
// them.
SequenceInferenceService::SequenceInferenceService(
    CallEnvironment& environment) {
  using grpc::CallbackServerContext;
  using PredictRequest = Received<v1::PredictRequest>;
  using StreamRequest = Received<v1::PredictStreamRequest>;
  namespace internal = grpc::internal;
  MarkMethodCallback(
      0,
      new internal::CallbackUnaryHandler<PredictRequest, v1::PredictResponse>(
          [&environment](CallbackServerContext* context,
                         const PredictRequest* request,
                         v1::PredictResponse* response) {
            return new PredictCall(environment, *context, *request, *response);
          }));
  MarkMethodCallback(
      1,
      new internal::CallbackServerStreamingHandler<StreamRequest,
                                                   v1::PredictStreamResponse>(
          [&environment](CallbackServerContext* context,
                         const StreamRequest* request) {
            return new PredictStreamCall(environment, *context, *request);
          }));
  MarkMethodCallback(
      2, new internal::CallbackBidiHandler<Received<v1::LiveRequest>,
                                           v1::LiveResponse>(
             [&environment](CallbackServerContext* context) {
               return new LiveCall(environment, *context);
             }));
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
