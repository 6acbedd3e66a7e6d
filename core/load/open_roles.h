#ifndef UNROLL_CORE_LOAD_OPEN_ROLES_H_
#define UNROLL_CORE_LOAD_OPEN_ROLES_H_

#include <set>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/load/tensor_roles.h"
#include "core/model/tensor.h"

namespace unroll {

// The weights that are embedding and head by name and shape. Null: none is.
struct OpenRoles {
  const NamedShape* embedding = nullptr;
  const NamedShape* head = nullptr;
};

// Chooses from the tensors that are `left`, by AssignRoles' rules. Roles that
// `roles` has already are not open. `names` are those of all tensors.
// INVALID_ARGUMENT: a tensor may have one role or another, or several may have
// the same.
absl::StatusOr<OpenRoles> ChooseOpenRoles(
    const std::vector<const NamedShape*>& left,
    const std::set<std::string_view>& names, const TensorRoles& roles,
    std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_OPEN_ROLES_H_
