#include "server/infer_service.h"

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/infer_call.h"
#include "server/infer_describe.h"
#include "server/infer_parameters.h"
#include "server/infer_stream_call.h"
#include "server/version.h"

namespace unroll::server {
namespace {

// Only those that work.
constexpr const char* kExtensions[] = {
    "binary_tensor_data",  "classification",  "sequence",
    "sequence(string_id)", "schedule_policy", "model_configuration",
    "statistics"};

}  // namespace

// As generated code does it, but for Received: the numbers are the methods'
// places in the service. The calls delete themselves when gRPC is done with
// them.
InferService::InferService(CallEnvironment& environment)
    : environment_(environment) {
  using grpc::CallbackServerContext;
  using Request = Received<inference::ModelInferRequest>;
  namespace internal = grpc::internal;
  MarkMethodCallback(
      5,
      new internal::CallbackUnaryHandler<Request,
                                         inference::ModelInferResponse>(
          [&environment](CallbackServerContext* context, const Request* request,
                         inference::ModelInferResponse* response) {
            return new InferCall(environment, *context, *request, *response);
          }));
  MarkMethodCallback(
      6, new internal::CallbackBidiHandler<Request,
                                           inference::ModelStreamInferResponse>(
             [&environment](CallbackServerContext* context) {
               return InferStreamCall::Make(environment, *context);
             }));
}

template <typename Request>
absl::StatusOr<std::shared_ptr<const ServedModel>> InferService::Find(
    const Request& request) const {
  ASSIGN_OR_RETURN(const int64_t version, ReadVersion(request.version()));
  return environment_.models.Find(request.name(), version);
}

grpc::ServerUnaryReactor* InferService::ServerLive(
    grpc::CallbackServerContext* context, const inference::ServerLiveRequest*,
    inference::ServerLiveResponse* response) {
  const CallRecord record(environment_, "ServerLive", "");
  response->set_live(true);
  return FinishNow(*context, record, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferService::ServerReady(
    grpc::CallbackServerContext* context, const inference::ServerReadyRequest*,
    inference::ServerReadyResponse* response) {
  const CallRecord record(environment_, "ServerReady", "");
  const bool draining = !environment_.scheduler.PredictedWait().ok();
  response->set_ready(!draining && environment_.Ready());
  return FinishNow(*context, record, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferService::ModelReady(
    grpc::CallbackServerContext* context,
    const inference::ModelReadyRequest* request,
    inference::ModelReadyResponse* response) {
  const CallRecord record(environment_, "ModelReady", request->name());
  const auto version = ReadVersion(request->version());
  response->set_ready(Find(*request).ok());
  return FinishNow(*context, record, version.status());
}

grpc::ServerUnaryReactor* InferService::ServerMetadata(
    grpc::CallbackServerContext* context,
    const inference::ServerMetadataRequest*,
    inference::ServerMetadataResponse* response) {
  const CallRecord record(environment_, "ServerMetadata", "");
  response->set_name("unroll");
  response->set_version(kVersion);
  for (const char* extension : kExtensions) {
    response->add_extensions(extension);
  }
  return FinishNow(*context, record, absl::OkStatus());
}

grpc::ServerUnaryReactor* InferService::ModelMetadata(
    grpc::CallbackServerContext* context,
    const inference::ModelMetadataRequest* request,
    inference::ModelMetadataResponse* response) {
  const CallRecord record(environment_, "ModelMetadata", request->name());
  const auto model = Find(*request);
  if (model.ok()) {
    Describe(**model, *response);
    for (const ModelRegistry::Entry& entry : environment_.models.List()) {
      if (entry.path.name == request->name() && entry.model != nullptr) {
        response->add_versions(absl::StrCat(entry.path.version));
      }
    }
  }
  return FinishNow(*context, record, model.status());
}

grpc::ServerUnaryReactor* InferService::ModelConfig(
    grpc::CallbackServerContext* context,
    const inference::ModelConfigRequest* request,
    inference::ModelConfigResponse* response) {
  const CallRecord record(environment_, "ModelConfig", request->name());
  const auto model = Find(*request);
  if (model.ok()) {
    Describe(**model, environment_, *response->mutable_config());
  }
  return FinishNow(*context, record, model.status());
}

absl::Status InferService::Statistics(
    const inference::ModelStatisticsRequest& request,
    inference::ModelStatisticsResponse& response) const {
  ASSIGN_OR_RETURN(const int64_t version, ReadVersion(request.version()));
  // That there is such a model.
  if (!request.name().empty()) RETURN_IF_ERROR(Find(request).status());
  for (const ModelRegistry::Entry& entry : environment_.models.List()) {
    const ModelPath& path = entry.path;
    if (entry.model == nullptr) continue;
    if (!request.name().empty() && path.name != request.name()) continue;
    if (version != 0 && path.version != version) continue;
    *response.add_model_stats() =
        environment_.infer_statistics.Of(path.name, path.version);
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* InferService::ModelStatistics(
    grpc::CallbackServerContext* context,
    const inference::ModelStatisticsRequest* request,
    inference::ModelStatisticsResponse* response) {
  const CallRecord record(environment_, "ModelStatistics", request->name());
  return FinishNow(*context, record, Statistics(*request, *response));
}

grpc::ServerUnaryReactor* InferService::RepositoryIndex(
    grpc::CallbackServerContext* context,
    const inference::RepositoryIndexRequest* request,
    inference::RepositoryIndexResponse* response) {
  const CallRecord record(environment_, "RepositoryIndex", "");
  if (!request->repository_name().empty()) {
    return FinishNow(*context, record,
                     absl::InvalidArgumentError(
                         "repository_name: there is one repository, without a "
                         "name; expected \"\""));
  }
  for (const ModelRegistry::Entry& entry : environment_.models.List()) {
    if (request->ready() && entry.model == nullptr) continue;
    Describe(entry, *response->add_models());
  }
  return FinishNow(*context, record, absl::OkStatus());
}

}  // namespace unroll::server
