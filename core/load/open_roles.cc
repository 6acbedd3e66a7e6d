#include "core/load/open_roles.h"

#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/invalid.h"
#include "core/base/text.h"
#include "core/load/ignore.h"
#include "core/load/leftover.h"
#include "core/load/module_hint.h"

namespace unroll {
namespace {

class RoleChooser {
 public:
  RoleChooser(const std::vector<const NamedShape*>& left,
              const std::set<std::string_view>& names, const TensorRoles& roles,
              std::string_view where)
      : left_(left), names_(names), roles_(roles), where_(where) {}

  absl::StatusOr<OpenRoles> Choose() const;

 private:
  // What a weight may be, by shape and configuration, and what its name says.
  struct Open {
    std::string_view module;
    bool embedding = false;
    bool head = false;
    bool in_front = false;  // it may be a Linear in front of the nn.RNN, too
    ModuleHint hint = ModuleHint::kNone;
  };

  int64_t input_size() const { return roles_.rnn.spec.input_size; }
  int64_t hidden_width() const { return roles_.rnn.spec.hidden_width(); }

  Open OpenTo(const NamedShape& tensor) const;
  bool IsClearEmbedding(const NamedShape& tensor,
                        const std::vector<const NamedShape*>& heads) const;
  absl::Status Unclear(const NamedShape& tensor, const Open& open) const;
  absl::Status MoreThanOne(std::string_view key,
                           const std::vector<const NamedShape*>& found) const;

  const std::vector<const NamedShape*>& left_;
  const std::set<std::string_view>& names_;
  const TensorRoles& roles_;
  const std::string_view where_;
};

// Whether a tensor's shape and configuration leave a role open to it.
RoleChooser::Open RoleChooser::OpenTo(const NamedShape& tensor) const {
  Open open;
  open.module = *WeightModule(tensor.name);
  const int64_t columns = tensor.shape[1];
  const bool biased = names_.contains(absl::StrFormat("%sbias", open.module));
  open.embedding =
      !biased && columns == input_size() && roles_.embedding.empty();
  open.head = columns == hidden_width() && roles_.head.empty();
  // A Linear in front of the nn.RNN has I rows.
  const Placement placement = tensor.shape[0] != input_size()
                                  ? Placement::kBehind
                              : columns == input_size() ? Placement::kAnywhere
                                                        : Placement::kFront;
  open.in_front = placement != Placement::kBehind;
  open.hint = HintOf({.name = open.module,
                      .rnn = roles_.rnn.prefixes.front(),
                      .biased = biased,
                      .placement = placement});
  return open;
}

absl::StatusOr<OpenRoles> RoleChooser::Choose() const {
  std::vector<const NamedShape*> embeddings, heads;
  for (const NamedShape* tensor : left_) {
    if (!WeightModule(tensor->name) || tensor->shape.size() != 2) continue;
    const Open open = OpenTo(*tensor);
    if (!open.embedding && !open.head) continue;
    const bool any_layer =
        open.hint == ModuleHint::kNone || open.hint == ModuleHint::kLayer;
    if (open.embedding && open.hint == ModuleHint::kEmbedding) {
      embeddings.push_back(tensor);
    } else if (open.head && open.hint == ModuleHint::kHead) {
      heads.push_back(tensor);
    } else if (open.head && !open.embedding && !open.in_front && any_layer) {
      heads.push_back(tensor);
    } else if (open.embedding && !open.head && !open.in_front &&
               open.hint == ModuleHint::kNone) {
      embeddings.push_back(tensor);
    } else {
      return Unclear(*tensor, open);
    }
  }
  if (embeddings.size() > 1) return MoreThanOne("embedding", embeddings);
  if (heads.size() > 1) return MoreThanOne("head", heads);
  if (!embeddings.empty() && !IsClearEmbedding(*embeddings[0], heads)) {
    return Unclear(*embeddings[0], OpenTo(*embeddings[0]));
  }
  return OpenRoles{embeddings.empty() ? nullptr : embeddings[0],
                   heads.empty() ? nullptr : heads[0]};
}

// A [V,I] without a name that says so is an embedding only where it cannot well
// be a Linear behind the head or beside it.
bool RoleChooser::IsClearEmbedding(
    const NamedShape& tensor,
    const std::vector<const NamedShape*>& heads) const {
  if (OpenTo(tensor).hint == ModuleHint::kEmbedding) return true;
  if (roles_.classes() == input_size()) return false;
  if (heads.empty()) return true;
  return heads[0]->shape[0] != input_size() &&
         OpenTo(*heads[0]).hint == ModuleHint::kHead;
}

absl::Status RoleChooser::Unclear(const NamedShape& tensor,
                                  const Open& open) const {
  std::vector<std::string> keys;
  if (open.embedding) {
    keys.push_back(absl::StrFormat("{\"embedding\": %s}", Quoted(tensor.name)));
  }
  if (open.head) {
    keys.push_back(absl::StrFormat("{\"head\": %s}", Quoted(open.module)));
  }
  return InvalidAt(
      where_,
      "tensor %s may be %s or another layer, which is not served; say which in "
      "config.json: \"tensors\": %s%s",
      Describe(tensor),
      open.embedding && open.head ? "an embedding, a head"
      : open.head                 ? "a head"
                                  : "an embedding",
      absl::StrJoin(keys, " or "), HeadLayersAdvice(left_, roles_));
}

absl::Status RoleChooser::MoreThanOne(
    std::string_view key, const std::vector<const NamedShape*>& found) const {
  std::vector<std::string> candidates;
  for (const NamedShape* tensor : found) {
    candidates.push_back(Describe(*tensor));
  }
  const std::string_view first = found[0]->name;
  return InvalidAt(
      where_,
      "%d tensors may be the %s: %s; say which in config.json, as \"tensors\": "
      "{\"%s\": %s}. %s%s",
      found.size(), key, ListForMessage(candidates), key,
      Quoted(key == "head" ? *WeightModule(first) : first), kIgnoreOthers,
      HeadLayersAdvice(left_, roles_));
}

}  // namespace

absl::StatusOr<OpenRoles> ChooseOpenRoles(
    const std::vector<const NamedShape*>& left,
    const std::set<std::string_view>& names, const TensorRoles& roles,
    std::string_view where) {
  return RoleChooser(left, names, roles, where).Choose();
}

}  // namespace unroll
