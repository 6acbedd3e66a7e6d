#ifndef UNROLL_CORE_MODEL_SPEC_H_
#define UNROLL_CORE_MODEL_SPEC_H_

#include <cstdint>
#include <string_view>

namespace unroll {

enum class Nonlinearity { kTanh, kRelu };

// g in scores = g(W_y h + b_y). Softmax kinds run over the C classes of a row.
enum class Activation {
  kIdentity,
  kTanh,
  kRelu,
  kSigmoid,
  kSoftmax,
  kLogSoftmax
};

// How weights are kept and inputs are multiplied with them: as they are, or
// rounded to bfloat16. Sums and states are float32 either way.
enum class Precision { kFloat32, kBfloat16 };

// What the head reads: each step's hidden, the last step's hidden, the top
// layer's final states of all directions, concatenated, or the mean or maximum
// of hidden over all steps. All are [D*H].
enum class AppliedTo { kEachStep, kLastStep, kFinalState, kMean, kMax };
// Whether that is a summary of hidden over all steps.
inline bool Pools(AppliedTo applied_to) {
  return applied_to == AppliedTo::kMean || applied_to == AppliedTo::kMax;
}

// The network's shape: what torch.nn.RNN's arguments say.
struct Spec {
  int64_t input_size = 0;   // I
  int64_t hidden_size = 0;  // H
  int64_t num_layers = 0;   // L
  int64_t directions = 1;   // D: 1 or 2
  Nonlinearity nonlinearity = Nonlinearity::kTanh;
  bool bias = true;      // some layer has one
  bool reverse = false;  // the one direction (D = 1) is backward; ONNX has that

  int64_t hidden_width() const { return directions * hidden_size; }  // D*H
  // Whether a step's results are known before the steps behind it are.
  bool incremental() const { return directions == 1 && !reverse; }
};

// The words of config.json and of messages: "tanh", "log_softmax", "h_n", ...
std::string_view Name(Nonlinearity nonlinearity);
std::string_view Name(Activation activation);
std::string_view Name(AppliedTo applied_to);
std::string_view Name(Precision precision);  // "float32", "bfloat16"

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_SPEC_H_
