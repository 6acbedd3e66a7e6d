#ifndef UNROLL_SERVER_DESCRIBE_H_
#define UNROLL_SERVER_DESCRIBE_H_

#include "core/serve/served_model.h"
#include "unroll/v1/models.pb.h"

namespace unroll::server {

// All that GetModel tells.
void Describe(const ServedModel& model, v1::GetModelResponse& response);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_DESCRIBE_H_
