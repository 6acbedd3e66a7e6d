#ifndef UNROLL_TESTS_BENCH_SCHEDULER_LENGTHS_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_LENGTHS_H_

#include <cstdint>
#include <random>

namespace unroll::bench {

// How long sequences are.
enum class Lengths {
  kW1,  // log-normal in [1, 330], mean 24, p99 100: translation sentences
  kW2,  // all 24
  kW3,  // uniform in [1, 128]
  kW4,  // 90 % 16 and 10 % 256
};

inline constexpr int64_t kLongest = 330;  // of any of them, steps

int64_t DrawLength(Lengths lengths, std::mt19937_64& random);

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_LENGTHS_H_
