// Running a network takes no memory once it has run batches of the sizes that
// come.

#include <gtest/gtest.h>

#include <random>

#include "core/rnn/network.h"
#include "tests/core/rnn/count_allocations.h"
#include "tests/support/random_model.h"

namespace unroll {
namespace {

using unroll::testing::Allocations;

struct AllocationCase {
  const char* name;
  KernelChoice kernel;
  int64_t vocabulary_size;
  int64_t directions;
};

class AllocationTest : public ::testing::TestWithParam<AllocationCase> {};

// The same run of batches, of all numbers of rows; returns what it allocated.
int64_t Count(const Model& model, const Network& network,
              const std::vector<float>& features, Network::Run& run) {
  const std::vector<int32_t> tokens(20, 3);
  std::vector<float> state(64 * 64);
  std::vector<float*> states;
  for (int i = 0; i < 16; ++i) states.push_back(&state[i * 4 * 32]);
  const std::vector<int64_t> wanted = {0, 1};
  std::vector<Slice> slices;
  slices.reserve(16);
  const int64_t before = Allocations();
  for (int round = 0; round < 100; ++round) {
    slices.clear();
    for (int64_t i = 0; i <= round % 16; ++i) {
      Slice& slice = slices.emplace_back();
      slice.steps = 2 + (i * round) % 19;
      if (model.info.vocabulary_size > 0) {
        slice.tokens = tokens.data();
      } else {
        slice.features = features.data();
      }
      slice.state = {&states[i], 1};
      slice.score_steps = wanted;
    }
    EXPECT_TRUE(network.Execute(slices, run).ok());
  }
  return Allocations() - before;
}

TEST_P(AllocationTest, ASteadyRunTakesNothing) {
  const AllocationCase& c = GetParam();
  std::mt19937 generator(3);
  const Model model = unroll::testing::RandomModel(
      {.spec = {.input_size = 12,
                .hidden_size = 32,
                .num_layers = 2,
                .directions = c.directions},
       .vocabulary_size = c.vocabulary_size,
       .head = HeadSpec{{{40, Activation::kSoftmax}}, AppliedTo::kEachStep}},
      generator);
  const auto network = Network::Create(model.info, model.weights,
                                       {.max_rows = 16, .kernel = c.kernel});
  ASSERT_TRUE(network.ok()) << network.status();
  const auto features = unroll::testing::RandomFloats(20 * 12, generator);
  Network::Run run;
  const int64_t first = Count(model, **network, features, run);
  EXPECT_GT(first, 0) << "nothing is counted";
  const int64_t second = Count(model, **network, features, run);
  const int64_t third = Count(model, **network, features, run);
  if (c.kernel == KernelChoice::kSplit) {
    EXPECT_EQ(second, 0);
  }
  // oneDNN takes a constant handful for each of its calls.
  EXPECT_EQ(third, second);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, AllocationTest,
    ::testing::Values(AllocationCase{"Split", KernelChoice::kSplit, 0, 1},
                      AllocationCase{"SplitTokens", KernelChoice::kSplit, 9, 1},
                      AllocationCase{"SplitBoth", KernelChoice::kSplit, 0, 2},
                      AllocationCase{"Primitive", KernelChoice::kPrimitive, 0,
                                     1}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace unroll
