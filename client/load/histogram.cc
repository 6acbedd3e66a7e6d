#include "client/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace unroll::client {
namespace {

// Nanoseconds below 256 have a bucket each, and every doubling from there on
// has 128 of one width.
constexpr int kBits = 7;
constexpr int64_t kWidth = int64_t{1} << kBits;

size_t BucketOf(int64_t nanoseconds) {
  if (nanoseconds < 2 * kWidth) return nanoseconds;
  const int shift =
      std::bit_width(static_cast<uint64_t>(nanoseconds)) - kBits - 1;
  return shift * kWidth + (nanoseconds >> shift);
}

// The largest that belongs to it.
int64_t EndOf(int64_t bucket) {
  if (bucket < 2 * kWidth) return bucket;
  const int64_t shift = bucket / kWidth - 1;
  return ((bucket - shift * kWidth + 1) << shift) - 1;
}

}  // namespace

void Histogram::Add(absl::Duration value) {
  value = std::max(value, absl::ZeroDuration());
  const size_t bucket = BucketOf(absl::ToInt64Nanoseconds(value));
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

absl::Duration Histogram::mean() const {
  return count_ == 0 ? absl::ZeroDuration() : sum_ / count_;
}

absl::Duration Histogram::Percentile(double fraction, int64_t missing) const {
  const int64_t all = count_ + missing;
  if (all == 0) return absl::ZeroDuration();
  // Less a hair, so that 0.9 of 10 is the ninth whatever 0.9 is in binary.
  const int64_t rank = std::max<int64_t>(
      1, static_cast<int64_t>(
             std::ceil(fraction * static_cast<double>(all) - 1e-6)));
  if (rank > count_) return absl::InfiniteDuration();
  int64_t seen = 0;
  size_t bucket = 0;
  while ((seen += counts_[bucket]) < rank) ++bucket;
  return std::min(absl::Nanoseconds(EndOf(static_cast<int64_t>(bucket))), max_);
}

}  // namespace unroll::client
