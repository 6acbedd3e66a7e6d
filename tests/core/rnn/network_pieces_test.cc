// A batch that runs in pieces of time, and loses sequences on the way.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "core/rnn/network.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using unroll::testing::IsOk;
using unroll::testing::RandomFloats;
using unroll::testing::RandomModel;

// Some sequences that run together.
struct Company {
  explicit Company(const Model& m) : model(m) {}

  void Add(int64_t steps, std::mt19937& generator) {
    const Spec& spec = model.info.spec;
    features.push_back(RandomFloats(steps * spec.input_size, generator));
    state.push_back(
        RandomFloats(spec.num_layers * spec.hidden_width(), generator));
    pointers.push_back(state.back().data());
    lengths.push_back(steps);
  }
  std::vector<Slice> Slices() {
    std::vector<Slice> slices;
    for (size_t i = 0; i < lengths.size(); ++i) {
      slices.push_back({.steps = lengths[i],
                        .features = features[i].data(),
                        .state = {&pointers[i], 1},
                        .wants_scores = true});
    }
    return slices;
  }
  // Everything that sequence i came to.
  std::vector<float> Results(size_t i, const SliceResult& result) const {
    std::vector<float> all = state[i];
    for (int64_t t = 0; t < lengths[i]; ++t) {
      const auto row = result.hidden(t);
      all.insert(all.end(), row.begin(), row.end());
    }
    const auto scores = result.scores(0);
    all.insert(all.end(), scores.begin(), scores.end());
    return all;
  }

  const Model& model;
  std::vector<std::vector<float>> features, state;
  std::vector<float*> pointers;
  std::vector<int64_t> lengths;
};

class NetworkPiecesTest : public ::testing::TestWithParam<Spec> {};

TEST_P(NetworkPiecesTest, WhatStaysIsAsInTheWhole) {
  std::mt19937 generator(11);
  const Model model = RandomModel(
      {.spec = GetParam(),
       .head = HeadSpec{.layers = {{3}}, .applied_to = AppliedTo::kFinalState}},
      generator);
  ASSERT_OK_AND_ASSIGN(
      const auto network,
      Network::Create(model.info, model.weights,
                      {.max_rows = 16, .kernel = KernelChoice::kSplit}));
  Network::Run run;
  for (int round = 0; round < 200; ++round) {
    Company whole(model);
    const int64_t n = 1 + generator() % 16;
    for (int64_t i = 0; i < n; ++i) whole.Add(1 + generator() % 12, generator);
    Company pieces = whole;
    for (size_t i = 0; i < pieces.state.size(); ++i) {
      pieces.pointers[i] = pieces.state[i].data();
      whole.pointers[i] = whole.state[i].data();
    }

    std::vector<Slice> slices = whole.Slices();
    ASSERT_THAT(network->Execute(slices, run), IsOk());
    std::vector<std::vector<float>> want;
    for (size_t i = 0; i < slices.size(); ++i) {
      want.push_back(whole.Results(i, run.results[i]));
    }

    slices = pieces.Slices();
    std::vector<size_t> left(slices.size());
    std::iota(left.begin(), left.end(), size_t{0});
    ASSERT_THAT(network->Begin(slices, run), IsOk());
    for (bool done = false; !done;) {
      ASSERT_OK_AND_ASSIGN(done,
                           network->Advance(slices, 1 + generator() % 5, run));
      if (done || generator() % 4 != 0) continue;
      std::vector<bool> keep(slices.size());
      for (size_t i = 0; i < keep.size(); ++i) keep[i] = generator() % 3 != 0;
      if (std::none_of(keep.begin(), keep.end(), [](bool k) { return k; })) {
        continue;
      }
      network->Keep(keep, run);
      for (size_t i = keep.size(); i-- > 0;) {
        if (keep[i]) continue;
        slices.erase(slices.begin() + static_cast<std::ptrdiff_t>(i));
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (size_t i = 0; i < left.size(); ++i) {
      ASSERT_EQ(pieces.Results(left[i], run.results[i]), want[left[i]])
          << "round " << round << " sequence " << left[i];
      ASSERT_FALSE(run.results[i].overflowed());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Specs, NetworkPiecesTest,
    ::testing::Values(Spec{.input_size = 5,
                           .hidden_size = 16,
                           .num_layers = 3,
                           .directions = 2},
                      Spec{.input_size = 3,
                           .hidden_size = 2,
                           .num_layers = 1,
                           .directions = 2,
                           .nonlinearity = Nonlinearity::kRelu},
                      Spec{.input_size = 4, .hidden_size = 7, .num_layers = 2},
                      Spec{.input_size = 4,
                           .hidden_size = 7,
                           .num_layers = 1,
                           .reverse = true}));

}  // namespace
}  // namespace unroll
