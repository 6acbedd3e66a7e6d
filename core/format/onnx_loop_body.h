#ifndef UNROLL_CORE_FORMAT_ONNX_LOOP_BODY_H_
#define UNROLL_CORE_FORMAT_ONNX_LOOP_BODY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "core/format/onnx_node.h"
#include "core/format/onnx_value.h"
#include "core/model/spec.h"

// What the values of a loop's body mean, and its operations: for onnx_loop.cc.
namespace unroll::loop {

struct Outer {  // a value from outside
  const Value* value;
};
struct Counter {  // the number of steps before this one, plus `ahead`
  int64_t ahead;
};
struct MoreSteps {  // whether there are steps left of so many
  Dim limit;
  bool behind = false;  // behind this one
};
struct State {};  // h of the step before
struct Input {    // x_t, [N, K]
  const Value* x;
};
struct Sum {  // W x_t + R h + b, or some of it
  const Value* x = nullptr;
  std::optional<Constant> w, r, b;
};
struct Next {          // h of this step
  std::string output;  // what gives it: no two do
  Nonlinearity nonlinearity;
  Sum sum;
};
using BodyValue =
    std::variant<Opaque, Outer, Counter, MoreSteps, State, Input, Sum, Next>;

template <typename Kind>
const Kind* As(const BodyValue* value) {
  return value == nullptr ? nullptr : std::get_if<Kind>(value);
}

// A constant from outside, whole numbers or not; or null.
const Constant* ConstantOf(const BodyValue* value);

// Whether it is this one whole number. False of null.
bool IsNumber(const Constant* constant, const Dim& number);

// What a node gives that reads `a` and, unless it is null, `b`. As
// OnnxHandler's errors.
absl::StatusOr<BodyValue> FoldBodyNode(const OnnxNode& inner,
                                       const BodyValue* a, const BodyValue* b);

}  // namespace unroll::loop

#endif  // UNROLL_CORE_FORMAT_ONNX_LOOP_BODY_H_
