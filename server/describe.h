#ifndef UNROLL_SERVER_DESCRIBE_H_
#define UNROLL_SERVER_DESCRIBE_H_

#include <string>

#include "core/serve/model_registry.h"
#include "core/serve/served_model.h"
#include "unroll/v1/models.pb.h"

namespace unroll::server {

// A line about a model, such as
// "characters (V 137) -> embedding 64 -> RNN(tanh) 320 x1 -> softmax 12
// each_step".
std::string Summary(const ModelInfo& info);

// What --check prints of a model version: its facts and memory, or its error.
std::string CheckReport(const ModelRegistry::Entry& entry);

// All that GetModel tells.
void Describe(const ServedModel& model, v1::GetModelResponse& response);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_DESCRIBE_H_
