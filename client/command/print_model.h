#ifndef UNROLL_CLIENT_COMMAND_PRINT_MODEL_H_
#define UNROLL_CLIENT_COMMAND_PRINT_MODEL_H_

#include <string>

#include "unroll/v1/models.pb.h"

namespace unroll::client {

// A table with a line for each model and version.
std::string FormatModels(const v1::ListModelsResponse& models);

// All that GetModel says.
std::string FormatModel(const v1::GetModelResponse& model);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_PRINT_MODEL_H_
