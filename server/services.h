#ifndef UNROLL_SERVER_SERVICES_H_
#define UNROLL_SERVER_SERVICES_H_

#include "server/call.h"
#include "unroll/v1/models.grpc.pb.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::server {

// Its methods are marked by its constructor, with messages as they came.
class SequenceInferenceService final : public v1::SequenceInference::Service {
 public:
  explicit SequenceInferenceService(CallEnvironment& environment);
};

class ModelsService final : public v1::Models::CallbackService {
 public:
  explicit ModelsService(CallEnvironment& environment)
      : environment_(environment) {}

  grpc::ServerUnaryReactor* ListModels(
      grpc::CallbackServerContext* context,
      const v1::ListModelsRequest* request,
      v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const v1::GetModelRequest* request,
                                     v1::GetModelResponse* response) override;

 private:
  CallEnvironment& environment_;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_SERVICES_H_
