#ifndef UNROLL_CLIENT_LOAD_HISTOGRAM_H_
#define UNROLL_CLIENT_LOAD_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace unroll::client {

// Any number of times, each kept to within 0.8 %, in at most 60 KB.
class Histogram {
 public:
  // What is negative counts as zero.
  void Add(absl::Duration value);

  int64_t count() const { return count_; }
  // Zero of none.
  absl::Duration max() const { return max_; }
  absl::Duration mean() const;

  // A time that `fraction` of all do not exceed (nearest rank, rounded up), if
  // `missing` more never came to an end: InfiniteDuration when it is one of
  // these. Zero of none.
  absl::Duration Percentile(double fraction, int64_t missing = 0) const;

 private:
  std::vector<int64_t> counts_;
  int64_t count_ = 0;
  absl::Duration sum_;
  absl::Duration max_;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_HISTOGRAM_H_
