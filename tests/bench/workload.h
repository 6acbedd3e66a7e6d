#ifndef UNROLL_TESTS_BENCH_WORKLOAD_H_
#define UNROLL_TESTS_BENCH_WORKLOAD_H_

#include <span>

#include "absl/status/status.h"

namespace unroll::bench {

// Something that can be run over and over and timed. One thread.
class Workload {
 public:
  virtual ~Workload() = default;

  virtual absl::Status Run() = 0;
  // What the last run computed; empty for a probe of the machine.
  virtual std::span<const float> output() const { return {}; }
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_WORKLOAD_H_
