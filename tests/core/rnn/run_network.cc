#include "tests/core/rnn/run_network.h"

#include <gtest/gtest.h>

#include "tests/support/random_model.h"

namespace unroll::testing {

TestSequence RandomSequence(const Model& model, int64_t steps,
                            std::mt19937& generator) {
  const Spec& spec = model.info.spec;
  TestSequence s;
  s.steps = steps;
  if (model.info.vocabulary_size > 0) {
    for (int64_t t = 0; t < steps; ++t) {
      s.tokens.push_back(
          static_cast<int32_t>(generator() % model.info.vocabulary_size));
    }
  } else {
    s.features = RandomFloats(steps * spec.input_size, generator);
  }
  s.h_0 = RandomFloats(spec.num_layers * spec.hidden_width(), generator);
  s.h = s.h_0;
  const std::vector<StateTensorSpec> state = StateSpec(model.info);
  for (size_t i = 1; i < state.size(); ++i) {
    s.pool.push_back(ZeroTensor(state[i].shape));
  }
  return s;
}

void RunBatch(const Model& model, const Network& network,
              const std::vector<TestSequence*>& sequences,
              const std::vector<int64_t>& steps, Network::Run& run) {
  const Spec& spec = model.info.spec;
  std::vector<Slice> slices;
  std::vector<std::vector<int64_t>> wanted(sequences.size());
  std::vector<std::vector<float*>> states(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    TestSequence& s = *sequences[i];
    for (int64_t t = 0; t < steps[i]; ++t) wanted[i].push_back(t);
    states[i] = {s.h.data()};
    for (Tensor& tensor : s.pool) states[i].push_back(tensor.values.data());
    Slice slice;
    slice.steps = steps[i];
    if (s.tokens.empty()) {
      slice.features = s.features.data() + s.done * spec.input_size;
    } else {
      slice.tokens = s.tokens.data() + s.done;
    }
    slice.state = states[i];
    if (model.info.head) {
      slice.score_steps = wanted[i];
      slice.wants_scores = s.done + steps[i] == s.steps;
    }
    slices.push_back(slice);
  }
  ASSERT_TRUE(network.Execute(slices, run).ok());
  for (size_t i = 0; i < sequences.size(); ++i) {
    TestSequence& s = *sequences[i];
    for (int64_t t = 0; t < steps[i]; ++t) {
      const auto row = run.results[i].hidden(t);
      s.hidden.insert(s.hidden.end(), row.begin(), row.end());
    }
    const bool each_step = model.info.head && model.info.head->each_step();
    const int64_t rows = each_step ? steps[i] : int64_t{slices[i].wants_scores};
    for (int64_t row = 0; row < rows; ++row) {
      const auto scores = run.results[i].scores(row);
      s.scores.insert(s.scores.end(), scores.begin(), scores.end());
    }
    s.done += steps[i];
  }
}

}  // namespace unroll::testing
