// SIMULATE_SEEDS=100000 for more (`make simulate`); SIMULATE_FIRST=17
// SIMULATE_SEEDS=1 for one that failed.

#include "tests/core/serve/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace unroll::testing {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::stoull(value);
}

TEST(SimulationTest, EverySequenceEndsOnceWithTheRightResultsInTime) {
  const std::vector<SimulatedModel> models = MakeSimulatedModels();
  const uint64_t first = FromEnvironment("SIMULATE_FIRST", 0);
  const uint64_t seeds = FromEnvironment("SIMULATE_SEEDS", 2000);
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    Simulation(models, seed).Run();
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace unroll::testing
