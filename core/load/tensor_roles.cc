#include "core/load/tensor_roles.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/load/leftover.h"
#include "core/load/module_hint.h"
#include "core/load/open_roles.h"

namespace unroll {
namespace {

class RoleFinder {
 public:
  RoleFinder(const SplitTensors& tensors, const Config& config,
             std::string_view where)
      : tensors_(tensors), config_(config), where_(where) {}

  absl::StatusOr<TensorRoles> Find() {
    ASSIGN_OR_RETURN(roles_.rnn,
                     FindRnn(tensors_.kept, config_.rnn_prefixes, where_));
    for (const auto* list : {&tensors_.kept, &tensors_.ignored}) {
      for (const NamedShape& tensor : *list) names_.insert(tensor.name);
    }
    for (const NamedShape& tensor : tensors_.kept) {
      if (!IsOfRnn(tensor.name)) rest_.push_back(&tensor);
    }
    if (config_.embedding) RETURN_IF_ERROR(UseConfiguredEmbedding());
    RETURN_IF_ERROR(UseConfiguredHead());
    RETURN_IF_ERROR(
        UseNormalization("input_mean", config_.tensor_mean, roles_.input_mean));
    RETURN_IF_ERROR(
        UseNormalization("input_std", config_.tensor_std, roles_.input_std));
    RETURN_IF_ERROR(FindOthers());
    RETURN_IF_ERROR(CheckIgnored());
    if (!rest_.empty()) return Leftovers();
    return std::move(roles_);
  }

 private:
  int64_t input_size() const { return roles_.rnn.spec.input_size; }
  int64_t hidden_width() const { return roles_.rnn.spec.hidden_width(); }

  absl::Status WrongShape(const NamedShape& tensor,
                          std::string_view expected) const {
    return InvalidAt(where_, "tensor %s: shape %s, expected %s",
                     Quoted(tensor.name), ShapeString(tensor.shape), expected);
  }

  bool IsOfRnn(std::string_view name) const {
    const auto prefix = RnnPrefix(name);
    const auto& prefixes = roles_.rnn.prefixes;
    return prefix && std::find(prefixes.begin(), prefixes.end(), *prefix) !=
                         prefixes.end();
  }

  // Takes a tensor by name from those without a role; null: it is not there.
  const NamedShape* Take(std::string_view name) {
    const auto found =
        std::find_if(rest_.begin(), rest_.end(),
                     [&](const NamedShape* t) { return t->name == name; });
    if (found == rest_.end()) return nullptr;
    const NamedShape* tensor = *found;
    rest_.erase(found);
    return tensor;
  }

  absl::Status UseConfiguredEmbedding();
  absl::Status UseConfiguredHead();
  absl::Status UseEmbedding(const NamedShape& tensor);
  absl::Status UseHeadLayer(const NamedShape& weight, std::string_view module);
  absl::Status UseHeadOf(const std::string& prefix, std::string_view says);
  absl::Status UseNormalization(std::string_view key,
                                const std::optional<std::string>& name,
                                std::string& role);
  bool IsTied(const NamedShape& tensor) const;
  absl::Status FindOthers();
  absl::Status CheckIgnored() const;
  absl::Status Leftovers() const;
  absl::Status NotThere(std::string_view says, const std::string& name) const;

  const SplitTensors& tensors_;
  const Config& config_;
  const std::string_view where_;
  TensorRoles roles_;
  std::set<std::string_view> names_;     // of all tensors, ignored ones too
  std::vector<const NamedShape*> rest_;  // without a role yet, by name
};

// `says` is the part of config.json that names the tensor.
absl::Status RoleFinder::NotThere(std::string_view says,
                                  const std::string& name) const {
  std::vector<std::string> others;
  for (const NamedShape* tensor : rest_) others.push_back(Describe(*tensor));
  return InvalidAt(
      where_,
      "config.json's %s: no tensor %s; besides the nn.RNN's and those with a "
      "role or ignored there are %s",
      says, Quoted(name), others.empty() ? "none" : ListForMessage(others));
}

absl::Status RoleFinder::UseConfiguredEmbedding() {
  const NamedShape* tensor = Take(*config_.embedding);
  if (tensor == nullptr) {
    return NotThere(absl::StrFormat("\"tensors\": {\"embedding\": %s}",
                                    Quoted(*config_.embedding)),
                    *config_.embedding);
  }
  RETURN_IF_ERROR(UseEmbedding(*tensor));
  if (IsTied(*tensor)) rest_.push_back(tensor);
  return absl::OkStatus();
}

// Whether the configured embedding is the head's weight as well.
bool RoleFinder::IsTied(const NamedShape& tensor) const {
  const auto module = WeightModule(tensor.name);
  if (!module) return false;
  if (config_.head_prefix) return *config_.head_prefix == *module;
  if (!config_.head_layers.empty()) {
    return std::any_of(
        config_.head_layers.begin(), config_.head_layers.end(),
        [&](const auto& layer) { return layer.prefix == *module; });
  }
  return tensor.shape[1] == hidden_width() &&
         HintOf({.name = *module, .rnn = roles_.rnn.prefixes.front()}) ==
             ModuleHint::kHead;
}

absl::Status RoleFinder::UseConfiguredHead() {
  if (config_.head_prefix) {
    return UseHeadOf(*config_.head_prefix,
                     absl::StrFormat("\"tensors\": {\"head\": %s}",
                                     Quoted(*config_.head_prefix)));
  }
  for (const Config::HeadLayer& layer : config_.head_layers) {
    RETURN_IF_ERROR(
        UseHeadOf(layer.prefix,
                  absl::StrFormat("\"head\": {\"layers\": [{\"tensors\": %s}]}",
                                  Quoted(layer.prefix))));
  }
  return absl::OkStatus();
}

absl::Status RoleFinder::UseHeadOf(const std::string& prefix,
                                   std::string_view says) {
  const std::string name = prefix + "weight";
  const NamedShape* weight = Take(name);
  return weight == nullptr ? NotThere(says, name)
                           : UseHeadLayer(*weight, prefix);
}

absl::Status RoleFinder::UseNormalization(
    std::string_view key, const std::optional<std::string>& name,
    std::string& role) {
  if (!name) return absl::OkStatus();
  const NamedShape* tensor = Take(*name);
  if (tensor == nullptr) {
    return NotThere(
        absl::StrFormat("\"tensors\": {\"%s\": %s}", key, Quoted(*name)),
        *name);
  }
  Shape shape = tensor->shape;  // [I], [1,I] or [1,1,I]
  while (shape.size() > 1 && shape[0] == 1) shape.erase(shape.begin());
  if (shape != Shape{input_size()}) {
    return WrongShape(*tensor, absl::StrFormat("[%d]", input_size()));
  }
  role = *name;
  return absl::OkStatus();
}

absl::Status RoleFinder::UseEmbedding(const NamedShape& tensor) {
  const Shape& shape = tensor.shape;
  // Token ids are 32-bit.
  if (shape.size() != 2 || shape[0] < 1 || shape[1] != input_size() ||
      shape[0] > std::numeric_limits<int32_t>::max()) {
    return WrongShape(tensor, absl::StrFormat("[V,%d]", input_size()));
  }
  roles_.embedding = tensor.name;
  roles_.vocabulary_size = shape[0];
  return absl::OkStatus();
}

// The next layer of the head; the first reads hidden.
absl::Status RoleFinder::UseHeadLayer(const NamedShape& weight,
                                      std::string_view module) {
  const Shape& shape = weight.shape;
  const int64_t reads =
      roles_.head.empty() ? hidden_width() : roles_.head.back().width;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] != reads) {
    return WrongShape(weight, absl::StrFormat("[C,%d]", reads));
  }
  TensorRoles::Linear layer = {.weight = weight.name, .width = shape[0]};
  if (const NamedShape* bias = Take(absl::StrFormat("%sbias", module))) {
    if (bias->shape != Shape{shape[0]}) {
      return WrongShape(*bias, absl::StrFormat("[%d]", shape[0]));
    }
    layer.bias = bias->name;
  }
  roles_.head.push_back(std::move(layer));
  return absl::OkStatus();
}

absl::Status RoleFinder::FindOthers() {
  ASSIGN_OR_RETURN(const OpenRoles open,
                   ChooseOpenRoles(rest_, names_, roles_, where_));
  if (open.embedding != nullptr) {
    RETURN_IF_ERROR(UseEmbedding(*Take(open.embedding->name)));
  }
  if (open.head != nullptr) {
    const NamedShape& weight = *Take(open.head->name);
    RETURN_IF_ERROR(UseHeadLayer(weight, *WeightModule(weight.name)));
  }
  return absl::OkStatus();
}

// Leaving out a whole embedding or head is the owner's choice; a part of
// something that is served would make its numbers wrong.
absl::Status RoleFinder::CheckIgnored() const {
  const auto sibling = [](const std::string& weight, std::string_view name) {
    constexpr std::string_view kWeight = "weight";
    return weight.ends_with(kWeight) &&
           name == weight.substr(0, weight.size() - kWeight.size()) + "bias";
  };
  for (const NamedShape& tensor : tensors_.ignored) {
    const bool of_head =
        std::any_of(roles_.head.begin(), roles_.head.end(),
                    [&](const TensorRoles::Linear& layer) {
                      return sibling(layer.weight, tensor.name);
                    });
    const std::string_view owner = IsOfRnn(tensor.name) ? "nn.RNN"
                                   : of_head            ? "head"
                                   : sibling(roles_.embedding, tensor.name)
                                       ? "embedding"
                                       : "";
    if (owner.empty()) continue;
    return InvalidAt(
        where_,
        "tensor %s matches config.json's \"ignore\", but is part of the %s, "
        "which is used",
        Describe(tensor), owner);
  }
  return absl::OkStatus();
}

absl::Status RoleFinder::Leftovers() const {
  std::vector<std::string> leftovers;
  for (const NamedShape* tensor : rest_) {
    leftovers.push_back(DescribeLeftover(*tensor));
  }
  return InvalidAt(
      where_,
      "%d tensor%s not used: %s; served are one nn.RNN (here %s*), one "
      "embedding [V,%d] without bias and one head [C,%d]. What results do not "
      "depend on can be left out by \"ignore\" in config.json%s",
      leftovers.size(), leftovers.size() == 1 ? " is" : "s are",
      ListForMessage(leftovers), Printable(roles_.rnn.prefixes.front()),
      input_size(), hidden_width(), HeadLayersAdvice(rest_, roles_));
}

}  // namespace

absl::StatusOr<TensorRoles> AssignRoles(const SplitTensors& tensors,
                                        const Config& config,
                                        std::string_view where) {
  return RoleFinder(tensors, config, where).Find();
}

}  // namespace unroll
