#ifndef UNROLL_CORE_RNN_POOL_H_
#define UNROLL_CORE_RNN_POOL_H_

#include <span>

#include "core/model/spec.h"

namespace unroll {

// The mean or the maximum of rows that come one after the other, kept in a
// sequence's state: any way of cutting the rows into pieces gives the same
// bits. `pool` and `steps` are StateSpec's "pool" and "pool_steps".
//
// The sum of a mean is two numbers (Knuth's exact sum of two floats), as 65,536
// values added up in float32 alone would be off in the fourth digit.

// Takes in one row, [D*H].
void AddToPool(AppliedTo pool_of, std::span<const float> row, float* pool,
               float& steps);

// The mean or maximum of what was taken in. REQUIRES: something was.
void ReadPool(AppliedTo pool_of, const float* pool, float steps,
              std::span<float> result);

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_POOL_H_
