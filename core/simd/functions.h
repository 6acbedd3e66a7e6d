#ifndef UNROLL_CORE_SIMD_FUNCTIONS_H_
#define UNROLL_CORE_SIMD_FUNCTIONS_H_

#include <cstdint>

#include "core/simd/ops.h"

// Functions of a block, lane by lane. Included by ops_*.cc only. Templates over
// a type of each of them alone, so that the linker cannot mix up code for
// different instruction sets; for the same reason nothing of the standard
// library is used that is not sure to be inlined.
namespace unroll::simd {

// A rational function, odd, within 4 units in the last place of tanh; flat from
// where tanh is 1 in float32. The coefficients are Eigen's (generic_fast_tanh).
template <typename Block>
Block Tanh(Block x) {
  const auto c = Block::Broadcast;
  x = Max(c(-7.90531110763549805f), Min(c(7.90531110763549805f), x));
  const Block x2 = x * x;
  Block p = Fma(x2, c(-2.76076847742355e-16f), c(2.00018790482477e-13f));
  p = Fma(x2, p, c(-8.60467152213735e-11f));
  p = Fma(x2, p, c(5.12229709037114e-08f));
  p = Fma(x2, p, c(1.48572235717979e-05f));
  p = Fma(x2, p, c(6.37261928875436e-04f));
  p = Fma(x2, p, c(4.89352455891786e-03f));
  Block q = Fma(x2, c(1.19825839466702e-06f), c(1.18534705686654e-04f));
  q = Fma(x2, q, c(2.26843463243900e-03f));
  q = Fma(x2, q, c(4.89352518554385e-03f));
  return x * p / q;
}

// exp(x) for x <= 0; 0 where the result would not be a normal number. Cody and
// Waite's reduction, then a polynomial on [-ln 2 / 2, ln 2 / 2].
template <typename Block>
Block ExpOfNegative(Block x) {
  const auto c = Block::Broadcast;
  const Block lowest = c(-87.0f);
  const Block y = Max(lowest, x);
  const Block magic = c(12582912.0f);  // 1.5 * 2^23: adding it rounds
  const Block n = Fma(y, c(1.44269504088896341f), magic) - magic;
  Block r = Fma(n, c(-0.693359375f), y);
  r = Fma(n, c(2.12194440e-4f), r);
  Block p = Fma(r, c(1.9875691500e-4f), c(1.3981999507e-3f));
  p = Fma(r, p, c(8.3334519073e-3f));
  p = Fma(r, p, c(4.1665795894e-2f));
  p = Fma(r, p, c(1.6666665459e-1f));
  p = Fma(r, p, c(5.0000001201e-1f));
  const Block one = c(1.0f);
  p = Fma(p, r * r, r) + one;
  return IfLess(x, lowest, Block::Zero(), p * PowerOfTwo(n));
}

template <typename Block>
Block Sigmoid(Block x) {
  const Block zero = Block::Zero(), one = Block::Broadcast(1.0f);
  const Block e = ExpOfNegative(IfLess(zero, x, zero - x, x));
  return IfLess(zero, x, one, e) / (one + e);
}

template <typename Block>
Block Apply(Function function, Block x) {
  switch (function) {
    case Function::kTanh:
      return Tanh(x);
    case Function::kRelu:
      return Max(Block::Zero(), x);
    case Function::kSigmoid:
      return Sigmoid(x);
    case Function::kIdentity:
      break;
  }
  return x;
}

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_FUNCTIONS_H_
