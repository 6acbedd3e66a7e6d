#include "core/model/spec.h"

namespace unroll {

std::string_view Name(Nonlinearity nonlinearity) {
  return nonlinearity == Nonlinearity::kTanh ? "tanh" : "relu";
}

std::string_view Name(Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return "identity";
    case Activation::kTanh:
      return "tanh";
    case Activation::kRelu:
      return "relu";
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kSoftmax:
      return "softmax";
    case Activation::kLogSoftmax:
      return "log_softmax";
  }
  return "";
}

std::string_view Name(AppliedTo applied_to) {
  switch (applied_to) {
    case AppliedTo::kEachStep:
      return "each_step";
    case AppliedTo::kLastStep:
      return "last_step";
    case AppliedTo::kFinalState:
      return "h_n";
    case AppliedTo::kMean:
      return "mean";
    case AppliedTo::kMax:
      return "max";
  }
  return "";
}

std::string_view Name(Precision precision) {
  return precision == Precision::kFloat32 ? "float32" : "bfloat16";
}

}  // namespace unroll
