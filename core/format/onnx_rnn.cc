#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace {

enum Input { kX, kW, kR, kB, kSequenceLens, kInitialH };

// Of an RNN node, as its attributes say it.
struct Attributes : OnnxLayerKind {
  int64_t hidden_size = 0;  // 0: not said
};

absl::StatusOr<Attributes> ReadAttributes(const OnnxNode& node) {
  Attributes attributes;
  ASSIGN_OR_RETURN(attributes.hidden_size, node.Int("hidden_size", 0));
  ASSIGN_OR_RETURN(const std::string direction,
                   node.String("direction", "forward"));
  if (direction == "bidirectional") {
    attributes.directions = 2;
  } else if (direction != "forward" && direction != "reverse") {
    return node.Invalid(
        "direction %s, expected forward, reverse or bidirectional",
        Quoted(direction));
  }
  attributes.reverse = direction == "reverse";

  ASSIGN_OR_RETURN(std::vector<std::string> activations,
                   node.Strings("activations"));
  if (activations.empty()) activations.assign(attributes.directions, "tanh");
  for (std::string& activation : activations) {
    activation = absl::AsciiStrToLower(activation);
    if (activation != "tanh" && activation != "relu") {
      return node.NotServed("activation %s, expected Tanh or Relu",
                            Quoted(activation));
    }
  }
  if (std::ssize(activations) != attributes.directions ||
      activations.front() != activations.back()) {
    return node.NotServed("activations %s, expected %d alike",
                          absl::StrJoin(activations, ", "),
                          attributes.directions);
  }
  if (activations.front() == "relu") {
    attributes.nonlinearity = Nonlinearity::kRelu;
  }

  for (const char* name : {"activation_alpha", "activation_beta", "clip"}) {
    const onnx::AttributeProto* found = node.Find(name);
    if (found != nullptr && (found->has_f() || found->floats_size() > 0)) {
      return node.NotServed("attribute %s is not served", name);
    }
  }
  ASSIGN_OR_RETURN(const int64_t layout, node.Int("layout", 0));
  if (layout != 0 && layout != 1) {
    return node.Invalid("layout %d, expected 0 or 1", layout);
  }
  attributes.batch_first = layout == 1;
  return attributes;
}

// A weight input and its shape.
absl::StatusOr<Constant> Weight(const OnnxNode& node, Input input,
                                std::string_view name, size_t rank) {
  const auto* constant = node.InputAs<Constant>(input);
  if (constant == nullptr || !constant->is_float()) {
    return node.NotServed(
        "%s, %s, is computed or given with each call; expected a constant: "
        "unroll loads a model's weights once",
        name, node.InputName(input));
  }
  if (constant->shape.size() != rank) {
    return node.Invalid("%s, %s, has shape %s, expected %d dimensions", name,
                        node.InputName(input), ShapeString(constant->shape),
                        rank);
  }
  return *constant;
}

absl::Status CheckShape(const OnnxNode& node, std::string_view name,
                        const Constant& constant, const Shape& expected) {
  if (constant.shape == expected) return absl::OkStatus();
  return node.Invalid("%s has shape %s, expected %s", name,
                      ShapeString(constant.shape), ShapeString(expected));
}

// Whether an axis may stand for T or N: of the input, or of size 1.
bool IsInputAxis(const Axis& axis) {
  return axis.empty() ||
         (axis.size() == 1 && axis[0].kind == Atom::Kind::kInput);
}

// What the first layer reads becomes the network's input.
absl::Status TakeInput(const OnnxNode& node, const OnnxLayerKind& kind,
                       const Flow& x, Folding& folding) {
  const OnnxLayer& layer = folding.layers.back();
  const Axis& steps = x.axes[kind.batch_first ? 1 : 0];
  const Axis& sequences = x.axes[kind.batch_first ? 0 : 1];
  if (x.integers || x.rows >= 0) {
    return node.NotServed("reads %s, which is neither features nor embedded",
                          node.InputName(kX));
  }
  if (!IsInputAxis(steps) || !IsInputAxis(sequences)) {
    return node.NotServed(
        "reads %s of shape %s, whose axes are not time, "
        "sequences and features",
        node.InputName(kX), AxesString(x.axes));
  }
  if (std::find(x.counted.begin(), x.counted.end(), steps) != x.counted.end()) {
    return node.NotServed(
        "reads %s, cut to a number of steps, which says nothing of other "
        "lengths; cut it in the client, or export with dynamic_axes",
        node.InputName(kX));
  }
  folding.spec.input_size = layer.inputs;
  const Axis& features = x.axes[2];
  const bool open = features.size() == 1 && !features[0].size;
  if (!open && SizeOf(features) != Dim{folding.spec.input_size, {}}) {
    return node.Invalid("reads %d features, but W has shape %s",
                        SizeOf(features).value_or(Dim()).number,
                        ShapeString(layer.w.shape));
  }
  if (!x.front.normalized.empty() && x.front.normalized != features) {
    return node.NotServed(
        "reads %s, which is normalised along another axis "
        "than the features'",
        node.InputName(kX));
  }
  if (features.size() > 1) {
    return node.NotServed("reads features that are several axes of its input");
  }
  folding.spec.hidden_size = layer.hidden;
  folding.spec.directions = kind.directions;
  folding.spec.reverse = kind.reverse;
  folding.spec.nonlinearity = kind.nonlinearity;
  folding.steps = steps;
  folding.sequences = sequences;
  folding.input = x.input;
  folding.front = x.front;
  return absl::OkStatus();
}

// A later layer must be like the first and read all of the one before.
absl::Status CheckLayer(const OnnxNode& node, const OnnxLayerKind& kind,
                        const Flow& x, const Folding& folding) {
  const Spec& spec = folding.spec;
  if (x.kind != Flow::Kind::kHidden || x.steps != Flow::Steps::kEach ||
      x.direction >= 0 || x.first_layer + 2 != std::ssize(folding.layers)) {
    return node.NotServed(
        "reads %s, which is not the hidden of the layer before; expected one "
        "stack of layers",
        node.InputName(kX));
  }
  if (x.axes[kind.batch_first ? 1 : 0] != folding.steps ||
      x.axes[kind.batch_first ? 0 : 1] != folding.sequences ||
      x.axes[2] != HiddenAxis(spec)) {
    return node.NotServed(
        "reads %s of shape %s in another order than time, sequences, both "
        "directions",
        node.InputName(kX), AxesString(x.axes));
  }
  const OnnxLayer& layer = folding.layers.back();
  if (layer.hidden != spec.hidden_size || kind.directions != spec.directions ||
      kind.reverse != spec.reverse || kind.nonlinearity != spec.nonlinearity) {
    return node.NotServed(
        "differs from the layer before in hidden_size, direction or "
        "activation; expected layers alike");
  }
  if (layer.inputs != spec.hidden_width()) {
    return node.Invalid("W has shape %s for a layer that reads %d features",
                        ShapeString(layer.w.shape), spec.hidden_width());
  }
  return absl::OkStatus();
}

// Lengths are the server's own business, unless they are the model's.
absl::Status CheckLengths(const OnnxNode& node, const Axis& steps) {
  if (node.input(kSequenceLens) == nullptr) return absl::OkStatus();
  if (const auto* flow = node.InputAs<Flow>(kSequenceLens)) {
    if (flow->kind == Flow::Kind::kInput && flow->integers) {
      return absl::OkStatus();
    }
  }
  const std::optional<Dim> all = SizeOf(steps);
  if (const auto* filled = node.InputAs<Filled>(kSequenceLens)) {
    if (!filled->is_float && filled->whole == all) return absl::OkStatus();
  }
  const auto* constant = node.InputAs<Constant>(kSequenceLens);
  if (constant != nullptr && constant->integers && all &&
      std::count(constant->integers->begin(), constant->integers->end(),
                 *all) == std::ssize(*constant->integers)) {
    return absl::OkStatus();
  }
  return node.NotServed(
      "sequence_lens, %s: expected none, a graph input, or all steps",
      node.InputName(kSequenceLens));
}

// The state that a layer begins with must be zeros, or the caller's.
absl::Status ReadInitialState(const OnnxNode& node, Folding& folding) {
  if (node.input(kInitialH) == nullptr) return absl::OkStatus();
  bool zero = false;
  if (const auto* filled = node.InputAs<Filled>(kInitialH)) {
    zero = filled->is_zero();
  } else if (const auto* constant = node.InputAs<Constant>(kInitialH)) {
    if (constant->is_float()) {
      ASSIGN_OR_RETURN(const Tensor state, folding.tensors.Floats(*constant));
      zero = std::count(state.values.begin(), state.values.end(), 0.0f) ==
             std::ssize(state.values);
    }
  } else if (const auto* flow = node.InputAs<Flow>(kInitialH)) {
    OnnxLayer& layer = folding.layers.back();
    if (flow->kind == Flow::Kind::kInput && !flow->integers &&
        flow->axes.size() == 3 && flow->input != folding.input &&
        flow->front.empty()) {
      layer.initial_state = flow->input;
      layer.first_row = flow->first_row;
      layer.rows = flow->rows;
      return absl::OkStatus();
    }
  }
  if (zero) return absl::OkStatus();
  return node.NotServed(
      "initial_h, %s: expected none, zeros, or a graph input of its own",
      node.InputName(kInitialH));
}

}  // namespace

Axis HiddenAxis(const Spec& spec) {
  Axis axis = AxisOf(Atom::Kind::kDirections, spec.directions);
  const Axis h = AxisOf(Atom::Kind::kFeatures, spec.hidden_size);
  axis.insert(axis.end(), h.begin(), h.end());
  return axis;
}

absl::Status AddOnnxLayer(const OnnxNode& node, const OnnxLayerKind& kind,
                          const Value* x, OnnxLayer layer, Folding& folding) {
  const Flow* flow = x == nullptr ? nullptr : std::get_if<Flow>(x);
  if (flow == nullptr || flow->axes.size() != 3) {
    return node.NotServed("reads %s, which is no [T,N,I] from the input",
                          node.InputName(kX));
  }
  const bool first = folding.layers.empty();
  folding.spec.bias |= layer.b.has_value();
  folding.layers.push_back(std::move(layer));
  return first && flow->kind == Flow::Kind::kInput
             ? TakeInput(node, kind, *flow, folding)
             : CheckLayer(node, kind, *flow, folding);
}

OnnxResult FoldRnn(const OnnxNode& node, Folding& folding) {
  ASSIGN_OR_RETURN(const Attributes attributes, ReadAttributes(node));
  OnnxLayer layer{.node = node.name()};
  ASSIGN_OR_RETURN(layer.w, Weight(node, kW, "W", 3));
  ASSIGN_OR_RETURN(layer.r, Weight(node, kR, "R", 3));
  const int64_t d = attributes.directions;
  const int64_t h = layer.w.shape[1], k = layer.w.shape[2];
  if (h == 0 || k == 0 ||
      (attributes.hidden_size != 0 && attributes.hidden_size != h)) {
    return node.Invalid("W has shape %s, but hidden_size is %d",
                        ShapeString(layer.w.shape), attributes.hidden_size);
  }
  RETURN_IF_ERROR(CheckShape(node, "W", layer.w, {d, h, k}));
  RETURN_IF_ERROR(CheckShape(node, "R", layer.r, {d, h, h}));
  if (node.input(kB) != nullptr) {
    ASSIGN_OR_RETURN(layer.b, Weight(node, kB, "B", 2));
    RETURN_IF_ERROR(CheckShape(node, "B", *layer.b, {d, 2 * h}));
  }
  layer.inputs = k;
  layer.hidden = h;
  RETURN_IF_ERROR(AddOnnxLayer(node, attributes, node.input(kX),
                               std::move(layer), folding));
  RETURN_IF_ERROR(CheckLengths(node, folding.steps));
  RETURN_IF_ERROR(ReadInitialState(node, folding));

  Flow y{.kind = Flow::Kind::kHidden};
  y.first_layer = std::ssize(folding.layers) - 1;
  Flow y_h = y;
  y_h.steps = Flow::Steps::kFinal;
  const Axis directions = AxisOf(Atom::Kind::kDirections, d);
  const Axis features = AxisOf(Atom::Kind::kFeatures, h);
  if (attributes.batch_first) {
    y.axes = {folding.sequences, folding.steps, directions, features};
    y_h.axes = {folding.sequences, directions, features};
  } else {
    y.axes = {folding.steps, directions, folding.sequences, features};
    y_h.axes = {directions, folding.sequences, features};
  }
  return std::vector<Value>{std::move(y), std::move(y_h)};
}

}  // namespace unroll
