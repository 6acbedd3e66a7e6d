#include "core/rnn/pool.h"

#include <algorithm>

namespace unroll {

void AddToPool(AppliedTo pool_of, std::span<const float> row, float* pool,
               float& steps) {
  if (pool_of == AppliedTo::kMax) {
    for (size_t i = 0; i < row.size(); ++i) {
      pool[i] = steps == 0 ? row[i] : std::max(pool[i], row[i]);
    }
  } else {
    float* rest = pool + row.size();
    for (size_t i = 0; i < row.size(); ++i) {
      const float sum = pool[i] + row[i];
      const float added = sum - pool[i];
      rest[i] += (pool[i] - (sum - added)) + (row[i] - added);
      pool[i] = sum;
    }
  }
  ++steps;
}

void ReadPool(AppliedTo pool_of, const float* pool, float steps,
              std::span<float> result) {
  if (pool_of == AppliedTo::kMax) {
    std::copy_n(pool, result.size(), result.begin());
    return;
  }
  const float* rest = pool + result.size();
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] =
        static_cast<float>((double{pool[i]} + double{rest[i]}) / double{steps});
  }
}

}  // namespace unroll
