#include "core/format/onnx_loop_body.h"

#include "core/base/status_macros.h"

namespace unroll::loop {
namespace {

// Whether a Cast leaves numbers of steps what they are.
absl::StatusOr<bool> KeepsCounts(const OnnxNode& cast) {
  ASSIGN_OR_RETURN(const int64_t to, cast.Int("to", 0));
  return to == onnx::TensorProto::INT32 || to == onnx::TensorProto::INT64 ||
         to == onnx::TensorProto::FLOAT || to == onnx::TensorProto::DOUBLE;
}

absl::StatusOr<BodyValue> Add(const OnnxNode& inner, const BodyValue* a,
                              const BodyValue* b) {
  if (const auto* counter = As<Counter>(a); counter != nullptr &&
                                            counter->ahead == 0 &&
                                            IsNumber(ConstantOf(b), {1, {}})) {
    return Counter{1};
  }
  const auto* sum = As<Sum>(a);
  if (sum == nullptr) {
    return inner.NotServed("expected a sum of products and biases");
  }
  Sum both = *sum;
  if (const auto* other = As<Sum>(b)) {
    if ((both.w && other->w) || (both.r && other->r) || (both.b && other->b)) {
      return inner.NotServed("adds two of a kind");
    }
    if (other->w) both.x = other->x;
    if (other->w) both.w = other->w;
    if (other->r) both.r = other->r;
    if (other->b) both.b = other->b;
    return both;
  }
  const Constant* bias = ConstantOf(b);
  if (bias == nullptr || !bias->is_float() || both.b) {
    return inner.NotServed("adds %s, expected one constant bias",
                           inner.InputName(1));
  }
  both.b = *bias;
  return both;
}

absl::StatusOr<BodyValue> MatMul(const OnnxNode& inner, const BodyValue* a,
                                 const BodyValue* b) {
  const Constant* weight = ConstantOf(b);
  if (weight == nullptr || !weight->is_float() || weight->shape.size() != 2) {
    return inner.NotServed("weight %s is no constant matrix",
                           inner.InputName(1));
  }
  Sum sum;
  if (const auto* input = As<Input>(a)) {
    sum.x = input->x;
    sum.w = *weight;
  } else if (As<State>(a) != nullptr) {
    sum.r = *weight;
  } else {
    return inner.NotServed("reads %s, expected the step's input or the state",
                           inner.InputName(0));
  }
  return sum;
}

absl::StatusOr<BodyValue> Less(const OnnxNode& inner, const BodyValue* a,
                               const BodyValue* b) {
  const auto* counter = As<Counter>(a);
  const Constant* limit = ConstantOf(b);
  if (counter == nullptr || limit == nullptr || !limit->integers ||
      limit->integers->size() != 1) {
    return inner.NotServed("expected a count of steps and the length");
  }
  return MoreSteps{limit->integers->front(), counter->ahead == 1};
}

}  // namespace

const Constant* ConstantOf(const BodyValue* value) {
  const auto* outer = As<Outer>(value);
  return outer == nullptr ? nullptr : std::get_if<Constant>(outer->value);
}

bool IsNumber(const Constant* constant, const Dim& number) {
  return constant != nullptr && constant->integers &&
         *constant->integers == std::vector<Dim>{number};
}

absl::StatusOr<BodyValue> FoldBodyNode(const OnnxNode& inner,
                                       const BodyValue* a, const BodyValue* b) {
  const std::string& op = inner.op();
  if (op == "Identity") return *a;
  if (op == "Cast") {
    ASSIGN_OR_RETURN(const bool counts, KeepsCounts(inner));
    const Constant* constant = ConstantOf(a);
    const bool count = As<Counter>(a) != nullptr ||
                       (constant != nullptr && constant->integers);
    if (counts && count) return *a;
  }
  if (op == "Add") {
    const bool swap = As<Sum>(a) == nullptr && As<Sum>(b) != nullptr;
    return swap ? Add(inner, b, a) : Add(inner, a, b);
  }
  if (op == "MatMul") return MatMul(inner, a, b);
  if (op == "Less") return Less(inner, a, b);
  if (op == "And") {
    const auto* one = As<MoreSteps>(a);
    const auto* other = As<MoreSteps>(b);
    if (one != nullptr && other != nullptr && one->limit == other->limit) {
      return MoreSteps{one->limit, one->behind || other->behind};
    }
  }
  if (op == "Gather") {
    ASSIGN_OR_RETURN(const int64_t axis, inner.Int("axis", 0));
    const auto* x = As<Outer>(a);
    const auto* counter = As<Counter>(b);
    if (x != nullptr && counter != nullptr && counter->ahead == 0 &&
        axis == 0) {
      return Input{x->value};
    }
  }
  if ((op == "Tanh" || op == "Relu") && As<Sum>(a) != nullptr) {
    return Next{inner.proto().output(0),
                op == "Tanh" ? Nonlinearity::kTanh : Nonlinearity::kRelu,
                *As<Sum>(a)};
  }
  return inner.NotServed("this operation is not served in a loop");
}

}  // namespace unroll::loop
