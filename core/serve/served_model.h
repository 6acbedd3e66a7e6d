#ifndef UNROLL_CORE_SERVE_SERVED_MODEL_H_
#define UNROLL_CORE_SERVE_SERVED_MODEL_H_

#include <memory>

#include "core/model/model.h"
#include "core/rnn/network.h"
#include "core/serve/step_cost.h"

namespace unroll {

// A loaded model, ready to run. Shared by the registry and every sequence that
// runs on it, so that it lives as long as either. Thread-safe.
struct ServedModel {
  ServedModel(ModelInfo model_info, std::shared_ptr<const Network> ready)
      : info(std::move(model_info)), network(std::move(ready)), cost(info) {}

  const ModelInfo info;
  // Shared, so that it can be served afresh without being packed again.
  const std::shared_ptr<const Network> network;
  mutable StepCost cost;

  // Whether results come while later steps are still to be computed.
  bool incremental() const { return info.spec.incremental(); }
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_SERVED_MODEL_H_
