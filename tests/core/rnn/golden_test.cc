#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "core/rnn/network.h"

namespace unroll {
namespace {

// Runs a case in pieces of `piece` steps.
golden::Outputs Run(const golden::Case& c, int64_t piece) {
  const Model model = golden::BuildModel(c);
  const auto network =
      Network::Create(model.info, model.weights, {.max_rows = 1});
  EXPECT_TRUE(network.ok()) << network.status();
  const Tensor features = golden::Features(c);
  const std::vector<int32_t> tokens = golden::Tokens(c);
  Tensor state = golden::InitialState(c);
  float* h = state.values.data();
  golden::Outputs got;
  got.scores.emplace();
  Network::Run run;
  for (int64_t done = 0; done < c.steps; done += piece) {
    const int64_t steps = std::min(piece, c.steps - done);
    std::vector<int64_t> wanted;
    for (int64_t t = 0; t < steps; ++t) wanted.push_back(t);
    Slice slice{.steps = steps, .state = {&h, 1}};
    if (tokens.empty()) {
      slice.features = features.values.data() + done * c.spec.input_size;
    } else {
      slice.tokens = tokens.data() + done;
    }
    if (c.head) {
      slice.score_steps = wanted;
      slice.wants_scores = done + steps == c.steps;
    }
    EXPECT_TRUE((*network)->Execute({&slice, 1}, run).ok());
    const auto append = [](std::span<const float> row, golden::Array& array) {
      array.values.insert(array.values.end(), row.begin(), row.end());
    };
    for (int64_t t = 0; t < steps; ++t) {
      append(run.results[0].hidden(t), got.hidden);
    }
    const bool each_step = c.head && c.head->applied_to == AppliedTo::kEachStep;
    const int64_t rows = each_step ? steps : int64_t{slice.wants_scores};
    for (int64_t i = 0; i < rows; ++i) {
      append(run.results[0].scores(i), *got.scores);
    }
  }
  got.h_n.values = {state.values.begin(), state.values.end()};
  return got;
}

class GoldenTest : public ::testing::TestWithParam<golden::Case> {};

void ExpectGolden(const golden::Outputs& got, const golden::Outputs& want) {
  const auto floats = [](const golden::Array& array) {
    return std::vector<float>(array.values.begin(), array.values.end());
  };
  golden::ExpectNear(floats(got.hidden), want.hidden, "hidden");
  golden::ExpectNear(floats(got.h_n), want.h_n, "h_n");
  if (want.scores) {
    golden::ExpectNear(floats(*got.scores), *want.scores, "scores");
  }
}

TEST_P(GoldenTest, WholeSequencesGivePyTorchsNumbers) {
  ExpectGolden(Run(GetParam(), GetParam().steps), golden::Expected(GetParam()));
}

// Of cases that need not run whole.
using GoldenPiecesTest = GoldenTest;

TEST_P(GoldenPiecesTest, GivePyTorchsNumbers) {
  ExpectGolden(Run(GetParam(), 1), golden::Expected(GetParam()));
  ExpectGolden(Run(GetParam(), 3), golden::Expected(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest,
                         ::testing::ValuesIn(golden::Cases()), golden::NameOf);

INSTANTIATE_TEST_SUITE_P(Cases, GoldenPiecesTest,
                         ::testing::ValuesIn(golden::ForwardCases()),
                         golden::NameOf);

}  // namespace
}  // namespace unroll
