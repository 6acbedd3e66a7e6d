#include "core/model/model.h"

namespace unroll {

std::string_view Name(FactSource source) {
  switch (source) {
    case FactSource::kRead:
      return "read";
    case FactSource::kConfigured:
      return "configured";
    case FactSource::kAssumed:
      return "assumed";
  }
  return "";
}

std::string_view Name(KernelChoice choice) {
  switch (choice) {
    case KernelChoice::kAuto:
      return "auto";
    case KernelChoice::kPrimitive:
      return "primitive";
    case KernelChoice::kSplit:
      return "split";
  }
  return "";
}

std::vector<StateTensorSpec> StateSpec(const ModelInfo& info) {
  const Spec& spec = info.spec;
  std::vector<StateTensorSpec> state = {
      {"h", {spec.num_layers * spec.directions, spec.hidden_size}}};
  if (info.head && Pools(info.head->applied_to)) {
    const int64_t numbers = info.head->applied_to == AppliedTo::kMean ? 2 : 1;
    state.push_back({"pool", {numbers, spec.hidden_width()}});
    state.push_back({"pool_steps", {1}});
  }
  return state;
}

}  // namespace unroll
