#ifndef UNROLL_TESTS_CORE_RNN_RUN_NETWORK_H_
#define UNROLL_TESTS_CORE_RNN_RUN_NETWORK_H_

#include <cstdint>
#include <random>
#include <vector>

#include "core/model/model.h"
#include "core/rnn/network.h"

namespace unroll::testing {

// A sequence with what running it came to, piece by piece.
struct TestSequence {
  int64_t steps = 0;
  std::vector<float> features;  // [T, I], or else
  std::vector<int32_t> tokens;  // [T]
  std::vector<float> h_0;       // [L*D, H]
  std::vector<float> h;         // the state, moving on
  std::vector<Tensor> pool;     // the rest of it
  std::vector<float> hidden;    // [T, D*H]
  std::vector<float> scores;    // [T, C], or [C]
  int64_t done = 0;
};

TestSequence RandomSequence(const Model& model, int64_t steps,
                            std::mt19937& generator);

// Runs the next `steps` of each of some sequences as one batch, all scores
// wanted.
void RunBatch(const Model& model, const Network& network,
              const std::vector<TestSequence*>& sequences,
              const std::vector<int64_t>& steps, Network::Run& run);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_CORE_RNN_RUN_NETWORK_H_
