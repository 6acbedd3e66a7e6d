#ifndef UNROLL_CORE_RNN_PACKED_LAYOUT_H_
#define UNROLL_CORE_RNN_PACKED_LAYOUT_H_

#include <cstdint>
#include <span>
#include <vector>

namespace unroll {

// How N sequences of different lengths lie in a packed batch: rows ordered by
// time, the longest sequence first within a time; no row stands for padding. It
// is the layout of PyTorch's PackedSequence:
//
//   lengths 2, 4, 1  ->  slots of lengths 4, 2, 1
//   rows: t0: s0 s1 s2 | t1: s0 s1 | t2: s0 | t3: s0     batch_sizes 3 2 1 1
class PackedLayout {
 public:
  // REQUIRES: at least one length, each at least 1. Equal lengths keep their
  // order. Reuses the memory of an earlier Reset.
  void Reset(std::span<const int64_t> lengths);

  int64_t sequences() const { return static_cast<int64_t>(order_.size()); }
  int64_t steps() const { return static_cast<int64_t>(batch_sizes_.size()); }
  int64_t rows() const { return row_offsets_.back(); }

  // The number of rows at time t; never increases with t.
  int64_t batch_size(int64_t t) const { return batch_sizes_[t]; }
  // The sequence (index into `lengths`) that stands in a slot.
  int64_t sequence(int64_t slot) const { return order_[slot]; }
  // The row of a slot at time t. REQUIRES: slot < batch_size(t).
  int64_t row(int64_t slot, int64_t t) const { return row_offsets_[t] + slot; }

 private:
  std::vector<int64_t> order_;        // [N]
  std::vector<int64_t> batch_sizes_;  // [T]
  std::vector<int64_t> row_offsets_;  // [T + 1]
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_PACKED_LAYOUT_H_
