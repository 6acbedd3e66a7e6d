#ifndef UNROLL_CORE_LOAD_LEFTOVER_H_
#define UNROLL_CORE_LOAD_LEFTOVER_H_

#include <string>
#include <vector>

#include "core/load/tensor_roles.h"
#include "core/model/tensor.h"

namespace unroll {

// A tensor that has no role, with what kind of module it seems to belong to:
// `"bn.running_mean" [64] (a BatchNorm)`. For messages only.
std::string DescribeLeftover(const NamedShape& tensor);

// What to do about it where the head's layers so far and all weights that are
// left make a chain of Linears behind the nn.RNN; empty where they do not.
std::string HeadLayersAdvice(const std::vector<const NamedShape*>& left,
                             const TensorRoles& roles);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_LEFTOVER_H_
