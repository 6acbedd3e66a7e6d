// tf2onnx writes a Keras SimpleRNN as a Loop over time: counters, the state,
// and weights that go around unchanged; one step in the body.

#include <map>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/onnx_loop_body.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace loop {
namespace {

constexpr int kMaxNodes = 1024;  // of a body

bool IsZeroFill(const Value* value) {
  const auto* filled = std::get_if<Filled>(value);
  return filled != nullptr && filled->is_zero();
}

class Loop {
 public:
  Loop(const OnnxNode& node, const onnx::GraphProto& body, Folding& folding)
      : node_(node), body_(body), folding_(folding) {}

  OnnxResult Fold();

 private:
  absl::Status Bind();
  absl::Status RunNode(const onnx::NodeProto& proto);
  absl::Status CheckEnd(const Flow& x);
  absl::StatusOr<const Flow*> AddLayer(const Next& next) const;
  absl::StatusOr<const Next*> CheckCarried();
  const BodyValue* Find(const std::string& name);
  absl::Status NotServed(std::string_view what) const {
    return node_.NotServed(
        "a loop, and %s; expected what tf2onnx makes of a forward Keras "
        "SimpleRNN",
        what);
  }

  const OnnxNode& node_;
  const onnx::GraphProto& body_;
  Folding& folding_;
  std::map<std::string, Value> constants_;  // of the body's own
  std::map<std::string, BodyValue> values_;
};

absl::Status Loop::Bind() {
  const int carried = body_.input_size() - 2;
  if (carried < 0 || body_.node_size() > kMaxNodes ||
      node_.proto().input_size() != carried + 2 ||
      body_.output_size() < carried + 1 ||
      node_.proto().output_size() != body_.output_size() - 1) {
    return node_.Invalid("its body has %d inputs and %d outputs",
                         body_.input_size(), body_.output_size());
  }
  for (const onnx::TensorProto& tensor : body_.initializer()) {
    Value& value = constants_[tensor.name()];
    ASSIGN_OR_RETURN(value, folding_.tensors.Load(tensor, node_.name()));
    values_[tensor.name()] = Outer{&value};
  }
  values_[body_.input(0).name()] = Counter{0};
  values_[body_.input(1).name()] = Opaque();
  for (int i = 0; i < carried; ++i) {
    const Value* initial = node_.input(i + 2);
    BodyValue& value = values_[body_.input(i + 2).name()];
    if (initial == nullptr) return node_.Invalid("an initial value is missing");
    value = Outer{initial};
    if (IsNumber(ConstantOf(&value), {0, {}})) {
      value = Counter{0};
    } else if (IsZeroFill(initial)) {
      value = State();
    }
  }
  return absl::OkStatus();
}

const BodyValue* Loop::Find(const std::string& name) {
  if (const auto own = values_.find(name); own != values_.end()) {
    return &own->second;
  }
  const auto outer = folding_.values.find(name);
  if (outer == folding_.values.end()) return nullptr;
  return &(values_[name] = Outer{&outer->second});
}

absl::Status Loop::RunNode(const onnx::NodeProto& proto) {
  const OnnxNode inner(proto, {}, node_.opset(), node_.where());
  std::vector<const BodyValue*> inputs(2);
  if (proto.input_size() < 1 || proto.input_size() > 2 ||
      proto.output_size() != 1) {
    return inner.NotServed("this operation is not served in a loop");
  }
  for (int i = 0; i < proto.input_size(); ++i) {
    inputs[i] = Find(proto.input(i));
    if (inputs[i] == nullptr) {
      return inner.Invalid("reads %s, which nothing before it makes",
                           Quoted(proto.input(i)));
    }
  }
  ASSIGN_OR_RETURN(BodyValue result, FoldBodyNode(inner, inputs[0], inputs[1]));
  values_[proto.output(0)] = std::move(result);
  return absl::OkStatus();
}

// What goes around must be counters, one state and what does not change.
absl::StatusOr<const Next*> Loop::CheckCarried() {
  const Next* next = nullptr;
  for (int i = 2; i < body_.input_size(); ++i) {
    const BodyValue before = values_[body_.input(i).name()];
    const BodyValue* after = Find(body_.output(i - 1).name());
    if (const auto* outer = As<Outer>(&before)) {
      const auto* same = As<Outer>(after);
      if (same != nullptr && same->value == outer->value) continue;
    } else if (As<State>(&before) != nullptr) {
      if (next == nullptr && (next = As<Next>(after)) != nullptr) continue;
    } else if (const auto* counter = As<Counter>(after)) {
      if (counter->ahead == 1) continue;
    }
    return NotServed("what goes around is not counters, one state and weights");
  }
  if (next == nullptr) return NotServed("no state goes around");
  return next;
}

// As many steps as the input has.
absl::Status Loop::CheckEnd(const Flow& x) {
  const std::optional<Dim> steps = SizeOf(x.axes[0]);
  const auto* trips = node_.InputAs<Constant>(0);
  const bool counted = steps && IsNumber(trips, *steps);
  if (node_.input(0) != nullptr && !counted) {
    return NotServed("its number of steps is not the input's");
  }
  if (const auto* start = node_.InputAs<Constant>(1);
      start != nullptr && !IsNumber(start, {1, {}})) {
    return NotServed("it may not begin");
  }
  const BodyValue* go_on = Find(body_.output(0).name());
  const auto* more = As<MoreSteps>(go_on);
  const bool whole = more != nullptr
                         ? more->limit == steps && (more->behind || counted)
                         : As<Opaque>(go_on) != nullptr && counted;
  return whole ? absl::OkStatus() : NotServed("it may end early");
}

absl::StatusOr<const Flow*> Loop::AddLayer(const Next& next) const {
  const Sum& sum = next.sum;
  const auto* x = sum.x == nullptr ? nullptr : std::get_if<Flow>(sum.x);
  if (x == nullptr || !sum.w || !sum.r) {
    return NotServed("a product is missing");
  }
  const int64_t h = sum.w->shape[1];
  if (sum.w->shape[0] == 0 || h == 0 || sum.r->shape != Shape{h, h} ||
      (sum.b && sum.b->shape != Shape{h})) {
    return NotServed("its weights do not fit each other");
  }
  OnnxLayer layer{.node = node_.name(),
                  .inputs = sum.w->shape[0],
                  .hidden = h,
                  .w = *sum.w,
                  .r = *sum.r,
                  .b = sum.b,
                  .loop = true};
  RETURN_IF_ERROR(AddOnnxLayer(node_, {.nonlinearity = next.nonlinearity},
                               sum.x, std::move(layer), folding_));
  return x;
}

OnnxResult Loop::Fold() {
  RETURN_IF_ERROR(Bind());
  for (const onnx::NodeProto& proto : body_.node()) {
    RETURN_IF_ERROR(RunNode(proto));
  }
  ASSIGN_OR_RETURN(const Next* next, CheckCarried());
  ASSIGN_OR_RETURN(const Flow* x, AddLayer(*next));
  RETURN_IF_ERROR(CheckEnd(*x));

  const Axis features =
      AxisOf(Atom::Kind::kFeatures, folding_.spec.hidden_size);
  Flow y{.kind = Flow::Kind::kHidden};
  y.axes = {folding_.steps, folding_.sequences, features};
  y.first_layer = std::ssize(folding_.layers) - 1;
  Flow state = y;
  state.axes.erase(state.axes.begin());
  state.steps = Flow::Steps::kFinal;

  std::vector<Value> outputs;
  for (int i = 1; i < body_.output_size(); ++i) {
    const BodyValue* value = Find(body_.output(i).name());
    const bool carried = i + 1 < body_.input_size();
    const auto* own = As<Next>(value);
    if (own != nullptr && own->output == next->output) {
      outputs.push_back(carried ? state : y);
    } else if (!carried) {
      return NotServed("it gives more than the state of each step");
    } else if (const auto* outer = As<Outer>(value)) {
      outputs.push_back(*outer->value);
    } else {
      outputs.push_back(Opaque());
    }
  }
  return outputs;
}

}  // namespace
}  // namespace loop

const onnx::GraphProto* LoopBody(const onnx::NodeProto& node) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (node.op_type() == "Loop" && attribute.has_g()) return &attribute.g();
  }
  return nullptr;
}

OnnxResult FoldLoop(const OnnxNode& node, Folding& folding) {
  const onnx::GraphProto* body = LoopBody(node.proto());
  if (body == nullptr) return node.Invalid("no body");
  return loop::Loop(node, *body, folding).Fold();
}

}  // namespace unroll
