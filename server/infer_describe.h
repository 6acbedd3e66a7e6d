#ifndef UNROLL_SERVER_INFER_DESCRIBE_H_
#define UNROLL_SERVER_INFER_DESCRIBE_H_

#include <cstdint>

#include "core/serve/model_registry.h"
#include "inference/grpc_service.pb.h"
#include "server/call.h"

namespace unroll::server {

// What ModelMetadata tells, but for the versions there are.
void Describe(const ServedModel& model,
              inference::ModelMetadataResponse& response);

// What ModelConfig tells.
void Describe(const ServedModel& model, const CallEnvironment& environment,
              inference::ModelConfig& config);

// What RepositoryIndex tells.
void Describe(const ModelRegistry::Entry& entry,
              inference::RepositoryIndexResponse::ModelIndex& index);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_DESCRIBE_H_
