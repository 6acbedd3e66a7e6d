#ifndef UNROLL_CORE_SIMD_SOFTMAX_H_
#define UNROLL_CORE_SIMD_SOFTMAX_H_

#include <cstdint>

#include "core/simd/functions.h"
#include "core/simd/ops.h"

// Included by ops_*.cc only; see functions.h.
namespace unroll::simd {

// One lane after the other, so that every instruction set has the same bits.
template <typename Block>
float SumOfLanes(Block block) {
  alignas(kAlignment) float lanes[kPanel];
  block.Store(lanes);
  float sum = 0.0f;
  for (float lane : lanes) sum += lane;
  return sum;
}

template <typename Block>
float MaxOfLanes(Block block) {
  alignas(kAlignment) float lanes[kPanel];
  block.Store(lanes);
  float max = lanes[0];
  for (float lane : lanes) max = lane > max ? lane : max;
  return max;
}

// f of each block of a row, in place; of the last one only what is there.
template <typename Block, typename F>
void ForEachBlock(float* row, int64_t count, F f) {
  int64_t i = 0;
  for (; i + kPanel <= count; i += kPanel) {
    f(Block::Load(row + i), kPanel).Store(row + i);
  }
  if (i < count) {
    f(Block::LoadPart(row + i, count - i), count - i)
        .StorePart(row + i, count - i);
  }
}

// `block` with `value` in the lanes from `count` on.
template <typename Block>
Block FillBehind(Block block, int64_t count, float value) {
  if (count == kPanel) return block;
  alignas(kAlignment) float lanes[kPanel];
  block.Store(lanes);
  for (int64_t i = count; i < kPanel; ++i) lanes[i] = value;
  return Block::Load(lanes);
}

// exp(x - max) / sum(exp(x - max)), or x - max - log(sum(exp(x - max))).
template <typename Block>
void RunSoftmax(float* row, int64_t count, bool logarithm) {
  Block max = Block::Broadcast(row[0]);
  ForEachBlock<Block>(row, count, [&](Block x, int64_t n) {
    max = Max(FillBehind(x, n, row[0]), max);
    return x;
  });
  max = Block::Broadcast(MaxOfLanes(max));

  Block sum = Block::Zero();
  ForEachBlock<Block>(row, count, [&](Block x, int64_t n) {
    const Block e = ExpOfNegative(x - max);
    sum = sum + FillBehind(e, n, 0.0f);
    return logarithm ? x - max : e;
  });
  const float total = SumOfLanes(sum);

  const Block divisor = Block::Broadcast(total);
  const Block log = Block::Broadcast(
      logarithm ? static_cast<float>(__builtin_log(total)) : 0.0f);
  ForEachBlock<Block>(row, count, [&](Block x, int64_t) {
    return logarithm ? x - log : x / divisor;
  });
}

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_SOFTMAX_H_
