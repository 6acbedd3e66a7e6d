#include "core/rnn/packed_layout.h"

#include <algorithm>
#include <numeric>

namespace unroll {

void PackedLayout::Reset(std::span<const int64_t> lengths) {
  order_.resize(lengths.size());
  std::iota(order_.begin(), order_.end(), 0);
  // Ties by index make this a stable sort without its temporary buffer.
  std::sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return lengths[a] != lengths[b] ? lengths[a] > lengths[b] : a < b;
  });

  const int64_t steps = lengths[order_.front()];
  batch_sizes_.resize(steps);
  row_offsets_.assign(1, 0);
  row_offsets_.reserve(steps + 1);
  int64_t running = sequences();
  for (int64_t t = 0; t < steps; ++t) {
    while (lengths[order_[running - 1]] <= t) --running;
    batch_sizes_[t] = running;
    row_offsets_.push_back(row_offsets_.back() + running);
  }
}

}  // namespace unroll
