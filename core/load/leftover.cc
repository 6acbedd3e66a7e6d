#include "core/load/leftover.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "core/load/ignore.h"
#include "core/load/module_hint.h"

namespace unroll {
namespace {

// Empty: nothing says.
std::string_view ModuleKind(const NamedShape& tensor) {
  const std::string_view name = tensor.name;
  for (const std::string_view end :
       {"running_mean", "running_var", "num_batches_tracked"}) {
    if (name.ends_with(end)) return "a BatchNorm";
  }
  if (name.ends_with("in_proj_weight") || name.ends_with("in_proj_bias")) {
    return "an attention";
  }
  if (name.ends_with("weight_g") || name.ends_with("weight_v")) {
    return "a weight norm: remove_weight_norm() before saving";
  }
  if (!name.ends_with("weight")) return "";
  if (tensor.shape.size() == 1) return "a normalisation layer";
  return tensor.shape.size() > 2 ? "a convolution" : "";
}

}  // namespace

std::string DescribeLeftover(const NamedShape& tensor) {
  std::string text = Describe(tensor);
  const std::string_view kind = ModuleKind(tensor);
  if (!kind.empty()) text.append(" (").append(kind).append(")");
  return text;
}

std::string HeadLayersAdvice(const std::vector<const NamedShape*>& left,
                             const TensorRoles& roles) {
  std::vector<const NamedShape*> weights;
  for (const NamedShape* tensor : left) {
    if (tensor->shape.size() == 2 && WeightModule(tensor->name)) {
      weights.push_back(tensor);
    }
  }
  int64_t reads = roles.rnn.spec.hidden_width();
  std::vector<std::string> layers;
  const auto add = [&](std::string_view weight, int64_t width) {
    layers.push_back(
        absl::StrFormat("{\"tensors\": %s, \"activation\": \"...\"}",
                        Quoted(*WeightModule(weight))));
    reads = width;
  };
  for (const TensorRoles::Linear& layer : roles.head) {
    add(layer.weight, layer.width);
  }
  constexpr size_t kMostLayers = 20;  // longer chains are no advice
  while (!weights.empty() && layers.size() < kMostLayers) {
    const auto next = std::find_if(
        weights.begin(), weights.end(),
        [&](const NamedShape* tensor) { return tensor->shape[1] == reads; });
    if (next == weights.end()) return "";
    add((*next)->name, (*next)->shape[0]);
    weights.erase(next);
  }
  if (layers.size() < 2 || !weights.empty()) return "";
  return absl::StrFormat(
      ". If these are the head's layers, say so: \"head\": {\"layers\": [%s]}",
      ListForMessage(layers));
}

}  // namespace unroll
