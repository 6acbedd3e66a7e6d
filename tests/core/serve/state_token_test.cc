#include "core/serve/state_token.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>

#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using unroll::testing::IsError;
using unroll::testing::IsOk;
using unroll::testing::RandomModel;
using unroll::testing::RandomModelOptions;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

// The key of tests/data/make_state_token.py.
StateKeys Keys() {
  return *StateKeys::Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                           "keys");
}

// What make_state_token.py wrote down.
StateToken Golden() {
  return {.model = "tagger",
          .version = 3,
          .fingerprint = std::string(64, 'f'),
          .numerics = "float32-1",
          .steps_done = 17,
          .state = {{"h", {{2, 3}, {0, 0.5f, -1, 2, -0.25f, 1e-8f}}}}};
}

std::string Signed(const StateToken& token) {
  return *Keys().Sign(SerializeStateToken(token));
}

TEST(StateTokenTest, ItsBytesAreThoseOfTheDescription) {
  std::ifstream file(UNROLL_SOURCE_DIR "/tests/data/state_token.bin",
                     std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(Signed(Golden()), bytes);
  ASSERT_OK_AND_ASSIGN(const std::string_view body, Keys().Verify(bytes));
  ASSERT_OK_AND_ASSIGN(const StateToken token, ParseStateToken(body));
  const StateToken golden = Golden();
  EXPECT_EQ(token.model, golden.model);
  EXPECT_EQ(token.version, golden.version);
  EXPECT_EQ(token.fingerprint, golden.fingerprint);
  EXPECT_EQ(token.numerics, golden.numerics);
  EXPECT_EQ(token.steps_done, golden.steps_done);
  ASSERT_EQ(token.state.size(), 1u);
  EXPECT_EQ(token.state[0].name, "h");
  EXPECT_EQ(token.state[0].tensor.shape, golden.state[0].tensor.shape);
  EXPECT_EQ(token.state[0].tensor.values, golden.state[0].tensor.values);
}

TEST(StateTokenTest, ABodyOfAnyOtherLengthIsRefused) {
  const std::string body = SerializeStateToken(Golden());
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_THAT(ParseStateToken(body.substr(0, size)),
                IsError(kInvalid, "its body is not that of a state token"));
  }
  EXPECT_THAT(ParseStateToken(body + "x"), IsError(kInvalid, "its body"));
  StateToken negative = Golden();
  negative.steps_done = -1;
  EXPECT_THAT(ParseStateToken(SerializeStateToken(negative)),
              IsError(kInvalid, "its body"));
}

std::shared_ptr<const ServedModel> Serve(
    const RandomModelOptions& options,
    KernelChoice kernel = KernelChoice::kSplit) {
  std::mt19937 generator(1);
  Model model = RandomModel(options, generator);
  model.info.name = "tagger";
  model.info.version = 3;
  model.info.fingerprint = std::string(64, 'f');
  auto network = Network::Create(model.info, std::move(model.weights),
                                 {.max_rows = 2, .kernel = kernel});
  return std::make_shared<const ServedModel>(model.info, *std::move(network));
}

std::vector<Tensor> ZeroState(const ServedModel& model) {
  std::vector<Tensor> state;
  for (const StateTensorSpec& spec : StateSpec(model.info)) {
    state.push_back(ZeroTensor(spec.shape));
  }
  return state;
}

const Spec kSpec = {.input_size = 2, .hidden_size = 3, .num_layers = 2};

TEST(StateTokenTest, AServedModelTakesItsOwn) {
  for (const AppliedTo applied_to :
       {AppliedTo::kEachStep, AppliedTo::kMean, AppliedTo::kMax}) {
    const auto model =
        Serve({.spec = kSpec,
               .head = HeadSpec{.layers = {{4}}, .applied_to = applied_to}});
    std::vector<Tensor> state = ZeroState(*model);
    state.back().values[0] = 5;
    ASSERT_OK_AND_ASSIGN(const std::string bytes,
                         MakeStateToken(*model, state, 42, Keys()));
    EXPECT_LE(std::ssize(bytes), StateTokenBytes(*model));
    ASSERT_OK_AND_ASSIGN(const StateToken token,
                         OpenStateToken(bytes, *model, Keys()));
    EXPECT_EQ(token.steps_done, 42);
    ASSERT_EQ(token.state.size(), state.size());
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_EQ(token.state[i].tensor.values, state[i].values);
    }
  }
}

TEST(StateTokenTest, AnotherVersionOfTheSameWeightsTakesIt) {
  StateToken token = Golden();
  token.version = 2;
  EXPECT_THAT(OpenStateToken(Signed(token), *Serve({.spec = kSpec}), Keys()),
              IsOk());
}

TEST(StateTokenTest, WhatTheModelCannotGoOnFromIsRefused) {
  const auto model = Serve({.spec = kSpec});
  const auto open = [&](const StateToken& token) {
    return OpenStateToken(Signed(token), *model, Keys()).status();
  };
  EXPECT_THAT(open(Golden()), IsOk());
  StateToken other = Golden();
  other.model = "tugger";
  EXPECT_THAT(open(other), IsError(kInvalid,
                                   "of model \"tugger\", expected "
                                   "one of \"tagger\""));
  other = Golden();
  other.fingerprint = "e0";
  EXPECT_THAT(open(other), IsError(kPrecondition,
                                   "of other weights: version 3 with "
                                   "fingerprint e0, this is version 3 with "
                                   "ffff"));
  other = Golden();
  other.state[0].tensor.shape = {3, 2};
  EXPECT_THAT(open(other), IsError(kPrecondition, "its tensors are not those"));
  other = Golden();
  other.state[0].name = "c";
  EXPECT_THAT(open(other), IsError(kPrecondition, "its tensors are not those"));
  other = Golden();
  other.state.push_back(other.state[0]);
  EXPECT_THAT(open(other), IsError(kPrecondition, "its tensors are not those"));
  EXPECT_THAT(OpenStateToken("rubbish", *model, Keys()),
              IsError(kInvalid, "not a state token"));
}

TEST(StateTokenTest, AModelThatRunsBackwardTakesNone) {
  Spec bidirectional = kSpec;
  bidirectional.directions = 2;
  Spec reverse = kSpec;
  reverse.reverse = true;
  for (const Spec& spec : {bidirectional, reverse}) {
    EXPECT_THAT(
        OpenStateToken(Signed(Golden()), *Serve({.spec = spec}), Keys()),
        IsError(kInvalid, "the model runs backward"));
  }
}

TEST(StateTokenTest, OnlyTheSameNumericsThatPromiseBitsContinueExactly) {
  const auto split = Serve({.spec = kSpec});
  const auto primitive = Serve({.spec = kSpec}, KernelChoice::kPrimitive);
  StateToken token = Golden();
  EXPECT_TRUE(ContinuesExactly(token, *split));
  EXPECT_FALSE(ContinuesExactly(token, *primitive));
  token.numerics = primitive->network->numerics();
  EXPECT_FALSE(ContinuesExactly(token, *split));
  EXPECT_FALSE(ContinuesExactly(token, *primitive));
}

}  // namespace
}  // namespace unroll
