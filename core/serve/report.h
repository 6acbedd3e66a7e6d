#ifndef UNROLL_CORE_SERVE_REPORT_H_
#define UNROLL_CORE_SERVE_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "core/model/model.h"
#include "core/serve/model_registry.h"

namespace unroll {

// A line such as "words (V 50) -> embedding 8 -> RNN(tanh) 64 x1 -> softmax 5
// each_step".
std::string Summary(const ModelInfo& info);

// What became of loading a model version, for people: facts, memory by part,
// estimated cost of a step; or why it failed.
std::string Report(const ModelRegistry::Entry& entry);

// The same for machines.
nlohmann::ordered_json JsonReport(const ModelRegistry::Entry& entry);

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_REPORT_H_
