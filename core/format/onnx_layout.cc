#include <algorithm>
#include <set>
#include <utility>

#include "core/base/checked.h"
#include "core/base/status_macros.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace {

// The same constant in another shape.
OnnxResult Reshaped(const OnnxNode& node, Constant constant, Shape shape) {
  if (CheckedElements(shape) != CheckedElements(constant.shape)) {
    return node.Invalid("%s from shape %s", ShapeString(shape),
                        ShapeString(constant.shape));
  }
  constant.shape = std::move(shape);
  return std::vector<Value>{std::move(constant)};
}

// What a reshape's target asks for, with its -1 worked out from `total`.
OnnxResult ReshapeConstant(const OnnxNode& node, const Constant& constant) {
  ASSIGN_OR_RETURN(Shape shape, node.IntegerInput(1));
  int64_t rest = 1;
  int64_t* open = nullptr;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && i < constant.shape.size())
      shape[i] = constant.shape[i];
    if (shape[i] == -1 && open == nullptr) {
      open = &shape[i];
      continue;
    }
    const auto product = CheckedMultiply(rest, shape[i]);
    if (!product) return node.Invalid("to %s", ShapeString(shape));
    rest = *product;
  }
  if (open != nullptr) {
    *open = rest == 0 ? 0 : CheckedElements(constant.shape).value_or(0) / rest;
  }
  return Reshaped(node, constant, std::move(shape));
}

// Takes atoms from `atoms` as long as a target's size needs some.
absl::StatusOr<Axis> TakeAtoms(const OnnxNode& node, const Dim& size,
                               Axis& atoms) {
  Axis axis;
  while (SizeOf(axis) != size) {
    if (atoms.empty()) {
      return node.NotServed(
          "takes the axes of %s apart, expected them whole or merged",
          node.InputName(0));
    }
    axis.push_back(atoms.front());
    atoms.erase(atoms.begin());
  }
  return axis;
}

// The axes of a flow under a reshape's target.
absl::StatusOr<Axes> ReshapeAxes(const OnnxNode& node, const Axes& axes,
                                 std::vector<Dim> target) {
  Axis atoms;
  for (const Axis& axis : axes) {
    atoms.insert(atoms.end(), axis.begin(), axis.end());
  }
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] != Dim{0, {}}) continue;
    if (i >= axes.size())
      return node.Invalid("0 for an axis that is not there");
    const std::optional<Dim> same = SizeOf(axes[i]);
    if (!same) return node.Invalid("a size that does not fit");
    target[i] = *same;
  }
  // Axes in front of -1 from the front, those behind it from the back; -1 is
  // what is left.
  const auto open = std::find(target.begin(), target.end(), Dim{-1, {}});
  Axes front, back;
  for (auto size = target.begin(); size != open; ++size) {
    ASSIGN_OR_RETURN(Axis axis, TakeAtoms(node, *size, atoms));
    front.push_back(std::move(axis));
  }
  if (open == target.end()) {
    if (atoms.empty()) return front;
    return node.NotServed("to a smaller shape than %s", AxesString(axes));
  }
  std::reverse(atoms.begin(), atoms.end());
  for (auto size = target.end() - 1; size != open; --size) {
    ASSIGN_OR_RETURN(Axis axis, TakeAtoms(node, *size, atoms));
    std::reverse(axis.begin(), axis.end());
    back.push_back(std::move(axis));
  }
  std::reverse(atoms.begin(), atoms.end());
  front.push_back(std::move(atoms));
  front.insert(front.end(), back.rbegin(), back.rend());
  return front;
}

OnnxResult With(const Flow& flow, Axes axes) {
  Flow result = flow;
  result.axes = std::move(axes);
  return std::vector<Value>{std::move(result)};
}

}  // namespace

OnnxResult FoldTranspose(const OnnxNode& node, Folding& folding) {
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr) return TransposeConstant(node, folding);
  ASSIGN_OR_RETURN(auto perm, node.Ints("perm"));
  const size_t rank = flow->axes.size();
  if (!perm) {
    perm.emplace();
    for (size_t i = rank; i-- > 0;) perm->push_back(static_cast<int64_t>(i));
  }
  Axes axes;
  std::set<int64_t> seen;
  for (const int64_t from : *perm) {
    if (from < 0 || std::cmp_greater_equal(from, rank) ||
        !seen.insert(from).second) {
      break;
    }
    axes.push_back(flow->axes[from]);
  }
  if (axes.size() != rank || perm->size() != rank) {
    return node.Invalid("perm %s of %d axes", ShapeString(*perm), rank);
  }
  if (flow->rows >= 0 && (*perm)[0] != 0) {
    return node.NotServed("moves the rows of an initial state");
  }
  return With(*flow, std::move(axes));
}

OnnxResult FoldSqueeze(const OnnxNode& node, Folding&) {
  ASSIGN_OR_RETURN(const auto chosen, node.IntsOrInput("axes", 1));
  const auto* flow = node.InputAs<Flow>(0);
  const auto* constant = node.InputAs<Constant>(0);
  if (flow == nullptr && constant == nullptr) {
    return node.Invalid("no input");
  }
  const size_t rank =
      flow != nullptr ? flow->axes.size() : constant->shape.size();
  std::set<size_t> dropped;
  for (const int64_t axis : chosen.value_or(std::vector<int64_t>())) {
    ASSIGN_OR_RETURN(const size_t at, node.AxisIndex(axis, rank));
    dropped.insert(at);
  }
  Axes axes;
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    const bool one =
        flow != nullptr ? flow->axes[i].empty() : constant->shape[i] == 1;
    if (chosen ? dropped.contains(i) : one) {
      if (one) continue;
      return node.NotServed(
          "drops axis %d of %s, whose size is not known to be 1", i,
          flow != nullptr ? AxesString(flow->axes)
                          : ShapeString(constant->shape));
    }
    if (flow != nullptr) {
      axes.push_back(flow->axes[i]);
    } else {
      shape.push_back(constant->shape[i]);
    }
  }
  return flow != nullptr ? With(*flow, std::move(axes))
                         : Reshaped(node, *constant, std::move(shape));
}

OnnxResult FoldUnsqueeze(const OnnxNode& node, Folding&) {
  constexpr size_t kMaxRank = 16;
  ASSIGN_OR_RETURN(const auto added, node.IntsOrInput("axes", 1));
  const auto* flow = node.InputAs<Flow>(0);
  const auto* constant = node.InputAs<Constant>(0);
  if ((flow == nullptr && constant == nullptr) || !added) {
    return node.Invalid("no input or no axes");
  }
  const size_t rank =
      (flow != nullptr ? flow->axes.size() : constant->shape.size()) +
      added->size();
  if (rank > kMaxRank) return node.NotServed("%d axes", rank);
  std::set<size_t> ones;
  for (const int64_t axis : *added) {
    ASSIGN_OR_RETURN(const size_t at, node.AxisIndex(axis, rank));
    if (!ones.insert(at).second) return node.Invalid("adds axis %d twice", at);
  }
  Axes axes;
  Shape shape;
  for (size_t i = 0, from = 0; i < rank; ++i) {
    const bool one = ones.contains(i);
    if (flow != nullptr) {
      axes.push_back(one ? Axis() : flow->axes[from]);
    } else {
      shape.push_back(one ? 1 : constant->shape[from]);
    }
    if (!one) ++from;
  }
  return flow != nullptr ? With(*flow, std::move(axes))
                         : Reshaped(node, *constant, std::move(shape));
}

OnnxResult FoldReshape(const OnnxNode& node, Folding&) {
  ASSIGN_OR_RETURN(const int64_t allow_zero, node.Int("allowzero", 0));
  if (allow_zero != 0) return node.NotServed("allowzero is not served");
  if (const auto* constant = node.InputAs<Constant>(0)) {
    return ReshapeConstant(node, *constant);
  }
  const auto* flow = node.InputAs<Flow>(0);
  const auto* target = node.InputAs<Constant>(1);
  if (flow == nullptr || target == nullptr || !target->integers ||
      target->integers->size() > 16) {
    return node.NotServed("shape %s is no constant and no size of the input",
                          node.InputName(1));
  }
  ASSIGN_OR_RETURN(Axes axes, ReshapeAxes(node, flow->axes, *target->integers));
  return With(*flow, std::move(axes));
}

OnnxResult FoldFlatten(const OnnxNode& node, Folding&) {
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr) return node.NotServed("of a constant");
  ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", 1));
  const size_t rank = flow->axes.size();
  size_t at = rank;
  if (attribute != static_cast<int64_t>(rank)) {
    ASSIGN_OR_RETURN(at, node.AxisIndex(attribute, rank));
  }
  Axes axes(2);
  for (size_t i = 0; i < rank; ++i) {
    Axis& axis = axes[i < at ? 0 : 1];
    axis.insert(axis.end(), flow->axes[i].begin(), flow->axes[i].end());
  }
  return With(*flow, std::move(axes));
}

}  // namespace unroll
