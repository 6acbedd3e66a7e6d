#include "core/rnn/linear.h"

#include "core/rnn/cpu.h"

namespace unroll {
namespace {

// What a matmul does in passing; a softmax needs the whole row first.
simd::Function FunctionOf(Activation activation) {
  switch (activation) {
    case Activation::kTanh:
      return simd::Function::kTanh;
    case Activation::kRelu:
      return simd::Function::kRelu;
    case Activation::kSigmoid:
      return simd::Function::kSigmoid;
    case Activation::kIdentity:
    case Activation::kSoftmax:
    case Activation::kLogSoftmax:
      break;
  }
  return simd::Function::kIdentity;
}

}  // namespace

Linear::Linear(const LinearWeights& weights, Activation activation,
               Precision precision)
    : activation_(activation),
      matmul_(weights.weight, weights.bias.values, precision,
              FunctionOf(activation)) {}

void Linear::Run(int64_t rows, const float* input, float* output,
                 Workspace& workspace) const {
  matmul_.Run(rows, {input, inputs()}, {output, outputs()}, workspace);
  if (activation_ != Activation::kSoftmax &&
      activation_ != Activation::kLogSoftmax) {
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    CpuOps().softmax(output + row * outputs(), outputs(),
                     activation_ == Activation::kLogSoftmax);
  }
}

}  // namespace unroll
