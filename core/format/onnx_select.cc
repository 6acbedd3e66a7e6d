#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/status_macros.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace {

using Steps = Flow::Steps;

// Indices [begin, end) of an axis. From the end if `begin` is negative; `end`
// is past the axis's if it is the largest number.
struct Range {
  static constexpr int64_t kOpen = std::numeric_limits<int64_t>::max();
  int64_t begin;
  int64_t end;
};

// As Python's slices say it.
Range ToRange(int64_t begin, int64_t end) {
  // Exporters write "to the end" in one of these ways.
  if (end >= std::numeric_limits<int32_t>::max()) end = Range::kOpen;
  return {begin, end};
}

Range ToRange(int64_t index) {
  return {index, index == -1 ? Range::kOpen : index + 1};
}

// The same counted from the front, for an axis of a known size.
Range Resolve(Range range, int64_t size) {
  return {ClampIndex(range.begin, size), ClampIndex(range.end, size)};
}

// One direction's last hidden is what ONNX calls its final state.
void Normalize(const Spec& spec, Flow& flow) {
  if (flow.direction < 0 && spec.directions == 2) return;
  const bool backward =
      spec.directions == 2 ? flow.direction == 1 : spec.reverse;
  if (flow.steps == Steps::kFirst && backward) flow.steps = Steps::kFinal;
  if (flow.steps == Steps::kLast && spec.directions == 2 && !backward) {
    flow.steps = Steps::kFinal;
  }
}

// Layers and directions are rows of an axis [L], [D] or [L*D].
absl::Status SelectRows(const OnnxNode& node, const Spec& spec, Range range,
                        Axis& axis, Flow& flow) {
  const bool layers = axis.front().kind == Atom::Kind::kLayers;
  const bool directions = axis.back().kind == Atom::Kind::kDirections;
  const int64_t d = directions ? spec.directions : 1;
  const int64_t rows = (layers ? flow.layers : 1) * d;
  const auto [begin, end] = Resolve(range, rows);
  if (layers && begin < end && begin % d == 0 && end % d == 0) {
    flow.first_layer += begin / d;
    flow.layers = (end - begin) / d;
    axis.erase(axis.begin());
    const Axis chosen = AxisOf(Atom::Kind::kLayers, flow.layers);
    axis.insert(axis.begin(), chosen.begin(), chosen.end());
    return absl::OkStatus();
  }
  if (directions && end == begin + 1) {
    if (layers) {
      flow.first_layer += begin / d;
      flow.layers = 1;
    }
    flow.direction = static_cast<int>(begin % d);
    axis.clear();
    return absl::OkStatus();
  }
  return node.NotServed("rows %d to %d of %d, expected whole layers or one row",
                        begin, end, rows);
}

// A graph that is fixed to some length does not say whether its step 7 is the
// last one or the eighth, so that only what holds for any length is taken.
absl::Status NotAnyLength(const OnnxNode& node, const Axis& axis) {
  if (!axis.front().size) {
    return node.NotServed("expected the first or the last step, or all");
  }
  return node.NotServed(
      "counts steps of the %d that the graph is fixed to, and unroll runs any "
      "number; write it as [:, -1], or export with dynamic_axes",
      *axis.front().size);
}

absl::Status SelectSteps(const OnnxNode& node, Range range, Axis& axis,
                         Flow& flow) {
  if (range.begin == 0 && range.end == 1) {
    flow.steps = Steps::kFirst;
  } else if (range.begin == -1 && range.end == Range::kOpen) {
    flow.steps = Steps::kLast;
  } else {
    return NotAnyLength(node, axis);
  }
  axis.clear();
  return absl::OkStatus();
}

// Of a graph that is fixed to one step, any axis of size 1 could be time.
absl::Status FixedToOneStep(const OnnxNode& node, const Flow& flow, size_t at) {
  return node.NotServed(
      "of axis %d of %s, in a graph that is fixed to one step; export it with "
      "dynamic_axes or with more steps",
      at, AxesString(flow.axes));
}

// Narrows an axis of a flow.
absl::Status Select(const OnnxNode& node, const Folding& folding, size_t at,
                    Range range, Flow& flow) {
  Axis& axis = flow.axes[at];
  if (axis.empty()) {
    const auto [begin, end] = Resolve(range, 1);
    if (begin != 0 || end != 1) {
      return node.Invalid("index of axis %d, which has size 1", at);
    }
    const bool whole = range.begin == 0 && range.end == Range::kOpen;
    const bool each_step =
        flow.kind != Flow::Kind::kInput && flow.steps == Steps::kEach;
    return each_step && folding.steps.empty() && !whole
               ? FixedToOneStep(node, flow, at)
               : absl::OkStatus();
  }
  if (range.begin == 0 && range.end == Range::kOpen) return absl::OkStatus();
  const Spec& spec = folding.spec;
  // A head runs on each row for itself: it may as well run on the chosen.
  if (flow.kind != Flow::Kind::kInput && flow.steps == Steps::kEach &&
      axis == folding.steps) {
    RETURN_IF_ERROR(SelectSteps(node, range, axis, flow));
    Normalize(spec, flow);
    if (flow.kind == Flow::Kind::kHead && flow.steps == Steps::kFirst) {
      return node.NotServed("chooses the first step's scores");
    }
    return absl::OkStatus();
  }
  const bool known = axis.size() == 1 && axis[0].size.has_value();
  if (known) {
    const auto [begin, end] = Resolve(range, *axis[0].size);
    if (begin == 0 && end == *axis[0].size) {
      if (flow.kind == Flow::Kind::kInput) flow.counted.push_back(axis);
      return absl::OkStatus();
    }
  }
  if (flow.kind == Flow::Kind::kHidden) {
    if (axis[0].kind == Atom::Kind::kLayers ||
        (axis.size() == 1 && axis[0].kind == Atom::Kind::kDirections)) {
      RETURN_IF_ERROR(SelectRows(node, spec, range, axis, flow));
      Normalize(spec, flow);
      return absl::OkStatus();
    }
    // One direction's half of [D*H].
    const int64_t h = spec.hidden_size;
    if (spec.directions == 2 && flow.direction < 0 &&
        axis == HiddenAxis(spec)) {
      const auto [begin, end] = Resolve(range, 2 * h);
      if (begin % h == 0 && end == begin + h) {
        flow.direction = static_cast<int>(begin / h);
        axis = AxisOf(Atom::Kind::kFeatures, h);
        Normalize(spec, flow);
        return absl::OkStatus();
      }
    }
  }
  // The rows of a layer, of an initial state that is an input.
  if (flow.kind == Flow::Kind::kInput && !flow.integers && at == 0 && known &&
      flow.axes.size() == 3 && flow.rows < 0) {
    const auto [begin, end] = Resolve(range, *axis[0].size);
    if (begin >= end) return node.Invalid("an empty slice");
    flow.first_row = begin;
    flow.rows = end - begin;
    axis = AxisOf(Atom::Kind::kLayers, flow.rows);
    return absl::OkStatus();
  }
  return node.NotServed("takes a part of axis %d of %s", at,
                        AxesString(flow.axes));
}

// Final states of one layer or more, in rows; or both directions of a layer,
// side by side.
absl::StatusOr<Flow> Joined(const OnnxNode& node, const Spec& spec, size_t at,
                            const Flow& a, const Flow& b) {
  Flow joined = a;
  Axes rest = b.axes;
  if (a.kind == Flow::Kind::kHidden && b.kind == Flow::Kind::kHidden &&
      a.steps == b.steps && a.axes.size() == b.axes.size()) {
    const auto rows_of = [&spec](const Flow& flow) {
      Axis axis = AxisOf(Atom::Kind::kLayers, flow.layers);
      const Axis d = AxisOf(Atom::Kind::kDirections, spec.directions);
      axis.insert(axis.end(), d.begin(), d.end());
      return axis;
    };
    const bool whole =
        a.steps == Steps::kFinal && a.direction < 0 && b.direction < 0;
    if (whole && b.first_layer == a.first_layer + a.layers &&
        a.axes[at] == rows_of(a) && b.axes[at] == rows_of(b)) {
      joined.layers += b.layers;
      joined.axes[at] = rows_of(joined);
      rest[at] = joined.axes[at];
      if (rest == joined.axes) return joined;
    }
    const Axis h = AxisOf(Atom::Kind::kFeatures, spec.hidden_size);
    if (a.layers == 1 && b.layers == 1 && a.first_layer == b.first_layer &&
        a.direction == 0 && b.direction == 1 && a.axes[at] == h &&
        b.axes[at] == h) {
      joined = a;
      joined.direction = -1;
      joined.axes[at] = HiddenAxis(spec);
      rest[at] = joined.axes[at];
      if (rest == joined.axes) return joined;
    }
  }
  return node.NotServed(
      "expected the final states of layers in their order, or a layer's two "
      "directions");
}

absl::Status CheckPoolsTime(const OnnxNode& node, const Flow& flow, size_t at,
                            const Folding& folding) {
  if (flow.steps != Steps::kEach || flow.axes[at] != folding.steps) {
    return node.NotServed("over axis %d of %s, which is not time", at,
                          AxesString(flow.axes));
  }
  return folding.steps.empty() ? FixedToOneStep(node, flow, at)
                               : absl::OkStatus();
}

}  // namespace

OnnxResult FoldGather(const OnnxNode& node, Folding& folding) {
  if (node.InputAs<Flow>(1) != nullptr) return FoldEmbedding(node);
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr) return GatherConstant(node);
  ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", 0));
  ASSIGN_OR_RETURN(const size_t at,
                   node.AxisIndex(attribute, flow->axes.size()));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, node.IntegerInput(1));
  const Shape& shape = node.InputAs<Constant>(1)->shape;
  if (indices.size() != 1 || shape.size() > 1 || indices[0] == Range::kOpen) {
    return node.NotServed("chooses %d indices, expected one", indices.size());
  }
  Flow chosen = *flow;
  RETURN_IF_ERROR(Select(node, folding, at, ToRange(indices[0]), chosen));
  if (!chosen.axes[at].empty()) {
    return node.NotServed("chooses from axis %d of %s", at,
                          AxesString(flow->axes));
  }
  if (shape.empty()) {
    chosen.axes.erase(chosen.axes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return std::vector<Value>{std::move(chosen)};
}

OnnxResult FoldSlice(const OnnxNode& node, Folding& folding) {
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr) return SliceConstant(node);
  ASSIGN_OR_RETURN(const auto starts, node.IntsOrInput("starts", 1));
  ASSIGN_OR_RETURN(const auto ends, node.IntsOrInput("ends", 2));
  ASSIGN_OR_RETURN(auto axes, node.IntsOrInput("axes", 3));
  ASSIGN_OR_RETURN(const auto steps, node.IntsOrInput("steps", 4));
  if (!starts || !ends) return node.Invalid("no starts or no ends");
  if (!axes) {
    axes.emplace();
    for (size_t i = 0; i < starts->size(); ++i) {
      axes->push_back(static_cast<int64_t>(i));
    }
  }
  if (ends->size() != starts->size() || axes->size() != starts->size()) {
    return node.Invalid("%d starts, %d ends, %d axes", starts->size(),
                        ends->size(), axes->size());
  }
  if (steps &&
      std::count(steps->begin(), steps->end(), 1) != std::ssize(*steps)) {
    return node.NotServed("steps of other than 1");
  }
  Flow chosen = *flow;
  for (size_t i = 0; i < starts->size(); ++i) {
    ASSIGN_OR_RETURN(const size_t at,
                     node.AxisIndex((*axes)[i], chosen.axes.size()));
    RETURN_IF_ERROR(
        Select(node, folding, at, ToRange((*starts)[i], (*ends)[i]), chosen));
  }
  return std::vector<Value>{std::move(chosen)};
}

OnnxResult FoldConcat(const OnnxNode& node, Folding& folding) {
  const auto* first = node.InputAs<Flow>(0);
  if (first == nullptr) return ConcatConstants(node, folding);
  ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", 0));
  ASSIGN_OR_RETURN(const size_t at,
                   node.AxisIndex(attribute, first->axes.size()));
  Flow joined = *first;
  for (size_t i = 1; i < node.input_count(); ++i) {
    const auto* next = node.InputAs<Flow>(i);
    if (next == nullptr) {
      return node.NotServed("joins %s with what the network gives",
                            node.InputName(i));
    }
    ASSIGN_OR_RETURN(joined, Joined(node, folding.spec, at, joined, *next));
  }
  return std::vector<Value>{std::move(joined)};
}

// ReduceMean and ReduceMax over time.
OnnxResult FoldReduce(const OnnxNode& node, Folding& folding) {
  ASSIGN_OR_RETURN(const auto axes, node.IntsOrInput("axes", 1));
  ASSIGN_OR_RETURN(const int64_t keep, node.Int("keepdims", 1));
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr || flow->kind != Flow::Kind::kHidden || !axes ||
      axes->size() != 1) {
    return node.NotServed("expected the mean or maximum of hidden over time");
  }
  ASSIGN_OR_RETURN(const size_t at,
                   node.AxisIndex((*axes)[0], flow->axes.size()));
  RETURN_IF_ERROR(CheckPoolsTime(node, *flow, at, folding));
  Flow pooled = *flow;
  pooled.steps = node.op() == "ReduceMean" ? Steps::kMean : Steps::kMax;
  pooled.axes[at].clear();
  if (keep == 0) {
    pooled.axes.erase(pooled.axes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return std::vector<Value>{std::move(pooled)};
}

// GlobalAveragePool and GlobalMaxPool of [N, D*H, T].
OnnxResult FoldGlobalPool(const OnnxNode& node, Folding& folding) {
  const auto* flow = node.InputAs<Flow>(0);
  if (flow == nullptr || flow->kind != Flow::Kind::kHidden ||
      flow->axes.size() != 3) {
    return node.NotServed("expected hidden as [N,D*H,T]");
  }
  RETURN_IF_ERROR(CheckPoolsTime(node, *flow, 2, folding));
  Flow pooled = *flow;
  pooled.steps = node.op() == "GlobalAveragePool" ? Steps::kMean : Steps::kMax;
  pooled.axes[2].clear();
  return std::vector<Value>{std::move(pooled)};
}

}  // namespace unroll
