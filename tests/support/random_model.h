#ifndef UNROLL_TESTS_SUPPORT_RANDOM_MODEL_H_
#define UNROLL_TESTS_SUPPORT_RANDOM_MODEL_H_

#include <optional>
#include <random>
#include <vector>

#include "core/model/model.h"
#include "tests/support/naive_rnn.h"

namespace unroll::testing {

struct RandomModelOptions {
  Spec spec;
  int64_t vocabulary_size = 0;  // V, 0 without an embedding
  bool one_hot = false;         // instead of an embedding; V = I
  bool normalized = false;
  std::optional<HeadSpec> head;
};

// A model in memory with weights as torch.nn.RNN would draw them.
Model RandomModel(const RandomModelOptions& options, std::mt19937& generator);

// Values in [-1, 1), [rows, columns], row after row.
std::vector<float> RandomFloats(int64_t count, std::mt19937& generator);

// The same as rows of doubles.
Matrix ToMatrix(const std::vector<float>& values, int64_t columns);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_RANDOM_MODEL_H_
