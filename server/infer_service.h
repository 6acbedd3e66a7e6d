#ifndef UNROLL_SERVER_INFER_SERVICE_H_
#define UNROLL_SERVER_INFER_SERVICE_H_

#include "inference/grpc_service.grpc.pb.h"
#include "server/call.h"

namespace unroll::server {

// The Open Inference Protocol: another front door to the same models. Its
// constructor marks ModelInfer and ModelStreamInfer, with messages as they
// came.
class InferService final
    : public inference::GRPCInferenceService::CallbackService {
 public:
  explicit InferService(CallEnvironment& environment);

  grpc::ServerUnaryReactor* ServerLive(
      grpc::CallbackServerContext* context,
      const inference::ServerLiveRequest* request,
      inference::ServerLiveResponse* response) override;
  grpc::ServerUnaryReactor* ServerReady(
      grpc::CallbackServerContext* context,
      const inference::ServerReadyRequest* request,
      inference::ServerReadyResponse* response) override;
  grpc::ServerUnaryReactor* ModelReady(
      grpc::CallbackServerContext* context,
      const inference::ModelReadyRequest* request,
      inference::ModelReadyResponse* response) override;
  grpc::ServerUnaryReactor* ServerMetadata(
      grpc::CallbackServerContext* context,
      const inference::ServerMetadataRequest* request,
      inference::ServerMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelMetadata(
      grpc::CallbackServerContext* context,
      const inference::ModelMetadataRequest* request,
      inference::ModelMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelConfig(
      grpc::CallbackServerContext* context,
      const inference::ModelConfigRequest* request,
      inference::ModelConfigResponse* response) override;
  grpc::ServerUnaryReactor* ModelStatistics(
      grpc::CallbackServerContext* context,
      const inference::ModelStatisticsRequest* request,
      inference::ModelStatisticsResponse* response) override;
  grpc::ServerUnaryReactor* RepositoryIndex(
      grpc::CallbackServerContext* context,
      const inference::RepositoryIndexRequest* request,
      inference::RepositoryIndexResponse* response) override;

 private:
  // Of a request with name and version.
  template <typename Request>
  absl::StatusOr<std::shared_ptr<const ServedModel>> Find(
      const Request& request) const;
  absl::Status Statistics(const inference::ModelStatisticsRequest& request,
                          inference::ModelStatisticsResponse& response) const;

  CallEnvironment& environment_;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_SERVICE_H_
