#include "tests/bench/scheduler/lengths.h"

#include <algorithm>
#include <cmath>

namespace unroll::bench {

int64_t DrawLength(Lengths lengths, std::mt19937_64& random) {
  switch (lengths) {
    case Lengths::kW1: {
      std::lognormal_distribution<double> log_normal(2.914, 0.727);
      return std::clamp<int64_t>(std::llround(log_normal(random)), 1, kLongest);
    }
    case Lengths::kW2:
      return 24;
    case Lengths::kW3:
      return std::uniform_int_distribution<int64_t>(1, 128)(random);
    case Lengths::kW4:
      return std::bernoulli_distribution(0.1)(random) ? 256 : 16;
  }
  return 1;
}

}  // namespace unroll::bench
