#ifndef UNROLL_CORE_FORMAT_ONNX_VALUE_H_
#define UNROLL_CORE_FORMAT_ONNX_VALUE_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/model/spec.h"
#include "core/model/tensor.h"

// What the values of an ONNX graph mean to us: each is a constant, or something
// that our network computes, in some order of axes.
namespace unroll {

// A size: a number times the sizes of input axes that calls decide.
struct Dim {
  int64_t number = 1;
  std::vector<int> symbols;  // sorted

  bool known() const { return symbols.empty(); }
  bool operator==(const Dim&) const = default;
};
// Nothing: it does not fit.
std::optional<Dim> Multiply(const Dim& a, const Dim& b);

// A factor of an axis, above 1 unless calls decide.
struct Atom {
  enum class Kind {
    kInput,       // an axis of a graph input; `symbol` says which
    kLayers,      // L
    kDirections,  // D
    kFeatures,    // I, H or C
  };
  Kind kind;
  int symbol = 0;
  std::optional<int64_t> size;  // nothing: calls decide

  bool operator==(const Atom&) const = default;
};

// The atoms of an axis, slowest first; none: the axis has size 1. An atom of
// size 1 never stands for anything, so that dropping, adding and merging axes
// needs no cases of its own.
using Axis = std::vector<Atom>;
using Axes = std::vector<Axis>;

Axis AxisOf(Atom::Kind kind, int64_t size);
std::optional<Dim> SizeOf(const Axis& axis);
// For messages: "[?,2,64]" with "?" for what calls decide.
std::string AxesString(const Axes& axes);

// A constant: a tensor of the file, not read yet, or numbers that were computed
// from some.
struct Constant {
  const onnx::TensorProto* stored = nullptr;  // null: computed
  std::string name;                           // for messages
  Shape shape;
  std::shared_ptr<const Tensor> floats;  // computed; shared by reshaped copies
  std::optional<std::vector<Dim>> integers;  // of whole-number constants

  bool is_float() const { return !integers; }
};

// All elements alike, of a shape that does not matter: zeros for an initial
// state, lengths for all sequences of a batch.
struct Filled {
  bool is_float = true;
  float number = 0;  // of floats
  Dim whole = {};    // of whole numbers

  bool is_zero() const { return is_float && number == 0; }
};

// Something of a loop condition's kind: never looked at.
struct Opaque {};

// y = g(W x + b) of a head.
struct HeadLayer {
  std::string node;  // its MatMul or Gemm
  Constant weight;
  bool transposed = false;  // it is [in, out]
  std::optional<Constant> bias;
  Activation activation = Activation::kIdentity;
  int64_t width = 0;  // out
};

// What stands between the input and the first layer.
struct Front {
  std::optional<Constant> mean, std, embedding;
  Axis normalized;      // what mean and std line up with; empty: all alike
  int64_t one_hot = 0;  // V; 0: not one-hot

  bool empty() const { return !mean && !std && !embedding && one_hot == 0; }
};

// What depends on the input.
struct Flow {
  enum class Kind { kInput, kHidden, kHead };
  // Of hidden: each step, or what was made of them. kFinal: after a direction's
  // last step, which is what ONNX calls Y_h.
  enum class Steps { kEach, kFirst, kLast, kFinal, kMean, kMax };

  Kind kind = Kind::kInput;
  Axes axes;

  // kInput: which, and what was done to it.
  int input = 0;
  bool integers = false;
  Front front;
  int64_t first_row = 0, rows = -1;  // a slice of its first axis; -1: all of it
  Axes counted;  // sliced to a number that the size happens not to exceed

  // kHidden
  int64_t first_layer = 0, layers = 1;
  int direction = -1;  // -1: all
  // kHidden, kHead
  Steps steps = Steps::kEach;

  std::vector<HeadLayer> head;  // kHead
};

using Value = std::variant<Constant, Filled, Opaque, Flow>;

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_VALUE_H_
