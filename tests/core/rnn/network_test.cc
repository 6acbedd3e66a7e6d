#include "core/rnn/network.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "core/rnn/cpu.h"
#include "tests/core/rnn/run_network.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/random_model.h"

namespace unroll {
namespace {

using unroll::testing::ExpectClose;
using unroll::testing::Flatten;
using unroll::testing::NaiveEmbed;
using unroll::testing::NaiveRnn;
using unroll::testing::RandomFloats;
using unroll::testing::RandomModel;
using unroll::testing::RandomModelOptions;
using unroll::testing::RandomSequence;
using unroll::testing::RunBatch;
using unroll::testing::TestSequence;
using unroll::testing::ToMatrix;

void ExpectNaive(const Model& model, const TestSequence& s,
                 const std::string& what) {
  const Spec& spec = model.info.spec;
  const double tolerance =
      model.info.precision == Precision::kFloat32 ? 1e-5 : 2e-2;
  const auto want =
      NaiveRnn(model,
               s.tokens.empty() ? ToMatrix(s.features, spec.input_size)
                                : NaiveEmbed(model, s.tokens),
               ToMatrix(s.h_0, spec.hidden_size));
  ExpectClose(s.hidden, Flatten(want.hidden), what + " hidden", tolerance);
  ExpectClose(s.h, Flatten(want.h_n), what + " h_n", tolerance);
  ExpectClose(s.scores, Flatten(want.scores), what + " scores", tolerance);
}

// To the bit where the network promises it.
void ExpectSame(const Network& network, const TestSequence& got,
                const TestSequence& want, const std::string& what) {
  const auto compare = [&](const std::vector<float>& a,
                           const std::vector<float>& b, const char* part) {
    if (network.exact()) {
      EXPECT_EQ(a, b) << what << " " << part;
    }
    ExpectClose(a, std::vector<double>(b.begin(), b.end()),
                absl::StrCat(what, " ", part), 1e-6);
  };
  compare(got.hidden, want.hidden, "hidden");
  compare(got.h, want.h, "h_n");
  compare(got.scores, want.scores, "scores");
}

struct NetworkCase {
  std::string name;
  RandomModelOptions options;
};

struct Variant {
  KernelChoice kernel;
  Precision precision;
};

using NetworkParam = std::tuple<NetworkCase, Variant>;

std::vector<NetworkCase> Cases() {
  const auto head = [](int64_t classes, Activation activation,
                       AppliedTo applied_to) {
    return HeadSpec{{{classes, activation}}, applied_to};
  };
  return {
      {"TanhForward",
       {.spec = {.input_size = 5, .hidden_size = 33, .num_layers = 2},
        .head = head(7, Activation::kSoftmax, AppliedTo::kEachStep)}},
      {"ReluBothWays",
       {.spec = {.input_size = 16,
                 .hidden_size = 24,
                 .num_layers = 3,
                 .directions = 2,
                 .nonlinearity = Nonlinearity::kRelu,
                 .bias = false},
        .head = head(4, Activation::kIdentity, AppliedTo::kFinalState)}},
      {"TokensForward",
       {.spec = {.input_size = 12, .hidden_size = 64, .num_layers = 1},
        .vocabulary_size = 50,
        .head = head(50, Activation::kLogSoftmax, AppliedTo::kEachStep)}},
      {"TokensBothWays",
       {.spec = {.input_size = 8,
                 .hidden_size = 31,
                 .num_layers = 2,
                 .directions = 2},
        .vocabulary_size = 9,
        .head = head(3, Activation::kSigmoid, AppliedTo::kLastStep)}},
      {"NoHeadOneByOne",
       {.spec = {.input_size = 1, .hidden_size = 1, .num_layers = 1}}},
      {"WideTanhHead",
       {.spec = {.input_size = 64, .hidden_size = 256, .num_layers = 1},
        .head = head(300, Activation::kTanh, AppliedTo::kLastStep)}},
      {"ReluHead",
       {.spec = {.input_size = 3, .hidden_size = 10, .num_layers = 1},
        .head = head(1, Activation::kRelu, AppliedTo::kEachStep)}},
      {"MeanOfBothWays",
       {.spec = {.input_size = 6,
                 .hidden_size = 12,
                 .num_layers = 2,
                 .directions = 2},
        .head = head(5, Activation::kSoftmax, AppliedTo::kMean)}},
      {"MeanOfRelu",
       {.spec = {.input_size = 6,
                 .hidden_size = 12,
                 .num_layers = 1,
                 .nonlinearity = Nonlinearity::kRelu},
        .head = head(5, Activation::kTanh, AppliedTo::kMean)}},
      {"MaxUnderThreeLayers",
       {.spec = {.input_size = 6, .hidden_size = 17, .num_layers = 2},
        .head = HeadSpec{{{40, Activation::kRelu},
                          {9, Activation::kTanh},
                          {3, Activation::kLogSoftmax}},
                         AppliedTo::kMax}}},
      {"TwoLayersOnEachStep",
       {.spec = {.input_size = 6, .hidden_size = 17, .num_layers = 1},
        .head = HeadSpec{{{40, Activation::kRelu}, {3, Activation::kSoftmax}},
                         AppliedTo::kEachStep}}},
      {"OneHot",
       {.spec = {.input_size = 11, .hidden_size = 20, .num_layers = 1},
        .vocabulary_size = 11,
        .one_hot = true,
        .head = head(11, Activation::kSoftmax, AppliedTo::kEachStep)}},
      {"Normalized",
       {.spec = {.input_size = 7, .hidden_size = 20, .num_layers = 1},
        .normalized = true,
        .head = head(2, Activation::kIdentity, AppliedTo::kLastStep)}},
      {"Backward",
       {.spec = {.input_size = 7,
                 .hidden_size = 20,
                 .num_layers = 2,
                 .reverse = true},
        .head = head(2, Activation::kIdentity, AppliedTo::kFinalState)}},
  };
}

class NetworkTest : public ::testing::TestWithParam<NetworkParam> {
 protected:
  void SetUp() override {
    const Variant& variant = std::get<1>(GetParam());
    model_ = RandomModel(std::get<0>(GetParam()).options, generator_);
    model_.info.precision = variant.precision;
    auto network = Network::Create(model_.info, model_.weights,
                                   {.max_rows = 32, .kernel = variant.kernel});
    ASSERT_TRUE(network.ok()) << network.status();
    network_ = *std::move(network);
  }

  std::mt19937 generator_{11};
  Model model_;
  std::unique_ptr<const Network> network_;
  Network::Run run_;
};

TEST_P(NetworkTest, EverySequenceOfARandomBatchIsAsItIsAloneAndAsNaive) {
  for (int round = 0; round < 6; ++round) {
    const int64_t n = 1 + generator_() % 32;
    std::vector<TestSequence> batched;
    std::vector<TestSequence*> pointers;
    std::vector<int64_t> steps;
    for (int64_t i = 0; i < n; ++i) {
      batched.push_back(
          RandomSequence(model_, 1 + generator_() % 60, generator_));
      steps.push_back(batched.back().steps);
    }
    std::vector<TestSequence> alone = batched;
    for (TestSequence& s : batched) pointers.push_back(&s);
    RunBatch(model_, *network_, pointers, steps, run_);
    for (int64_t i = 0; i < n; ++i) {
      RunBatch(model_, *network_, {&alone[i]}, {steps[i]}, run_);
      ExpectSame(*network_, batched[i], alone[i], absl::StrCat("sequence ", i));
      ExpectNaive(model_, batched[i], absl::StrCat("sequence ", i));
    }
  }
}

// Of models that need not run whole.
using NetworkPartsTest = NetworkTest;

TEST_P(NetworkPartsTest, PiecesInChangingCompanyComeToTheWhole) {
  std::vector<TestSequence> whole, pieces;
  for (int i = 0; i < 12; ++i) {
    whole.push_back(RandomSequence(model_, 1 + generator_() % 40, generator_));
  }
  pieces = whole;
  for (TestSequence& s : whole) {
    RunBatch(model_, *network_, {&s}, {s.steps}, run_);
  }
  // Each batch takes some steps of some of those that are not done.
  for (;;) {
    std::vector<TestSequence*> batch;
    std::vector<int64_t> steps;
    bool all_done = true;
    for (TestSequence& s : pieces) {
      if (s.done == s.steps) continue;
      all_done = false;
      if (generator_() % 2 == 0) continue;
      batch.push_back(&s);
      steps.push_back(1 + generator_() % (s.steps - s.done));
    }
    if (all_done) break;
    if (!batch.empty()) RunBatch(model_, *network_, batch, steps, run_);
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    ExpectSame(*network_, pieces[i], whole[i], absl::StrCat("sequence ", i));
  }
}

TEST_P(NetworkTest, MemoryIsToldByPart) {
  const auto memory = network_->MemoryBytes();
  EXPECT_GT(memory.at("rnn"), 0);
  // The table of a token model takes the embedding's place.
  const bool table = model_.info.vocabulary_size > 0 &&
                     network_->kernel() == KernelChoice::kSplit;
  EXPECT_EQ(memory.contains("token_table"), table);
  EXPECT_EQ(memory.contains("embedding"),
            !model_.weights.embedding.empty() && !table);
  if (network_->kernel() == KernelChoice::kPrimitive) return;
  int64_t total = 0;
  for (const auto& [part, bytes] : memory) total += bytes;
  EXPECT_EQ(total, Network::EstimateBytes(model_.info, model_.weights,
                                          {.kernel = KernelChoice::kSplit}));
}

std::string NameOf(const ::testing::TestParamInfo<NetworkParam>& info) {
  const Variant& variant = std::get<1>(info.param);
  std::string name = std::get<0>(info.param).name;
  name += Name(variant.kernel);
  name += Name(variant.precision);
  return name;
}

std::vector<Variant> Variants() {
  std::vector<Variant> variants = {
      {KernelChoice::kPrimitive, Precision::kFloat32},
      {KernelChoice::kSplit, Precision::kFloat32}};
  if (CpuHasBfloat16()) {
    variants.push_back({KernelChoice::kSplit, Precision::kBfloat16});
  }
  return variants;
}

std::vector<NetworkCase> IncrementalCases() {
  std::vector<NetworkCase> cases = Cases();
  std::erase_if(cases, [](const NetworkCase& c) {
    return !c.options.spec.incremental();
  });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, NetworkTest,
                         ::testing::Combine(::testing::ValuesIn(Cases()),
                                            ::testing::ValuesIn(Variants())),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(
    Models, NetworkPartsTest,
    ::testing::Combine(::testing::ValuesIn(IncrementalCases()),
                       ::testing::ValuesIn(Variants())),
    NameOf);

TEST(NetworkScoresTest, AreComputedForTheWantedStepsOnly) {
  std::mt19937 generator(3);
  const Model model =
      RandomModel({.spec = {.input_size = 4, .hidden_size = 9, .num_layers = 1},
                   .head = HeadSpec{.layers = {{5}}}},
                  generator);
  const auto network =
      Network::Create(model.info, model.weights, {.max_rows = 4});
  ASSERT_TRUE(network.ok());
  TestSequence s = RandomSequence(model, 10, generator);
  Network::Run run;
  TestSequence all = s;
  RunBatch(model, **network, {&all}, {10}, run);

  const std::vector<int64_t> wanted = {2, 7};
  float* state = s.h.data();
  Slice slice{.steps = 10,
              .features = s.features.data(),
              .state = {&state, 1},
              .score_steps = wanted};
  ASSERT_TRUE((*network)->Execute({&slice, 1}, run).ok());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto scores = run.results[0].scores(i);
    const auto begin = all.scores.begin() + wanted[i] * 5;
    ExpectClose(scores, std::vector<double>(begin, begin + 5), "scores", 1e-6);
  }
}

// In float32 alone this sum would be off in the fourth digit.
TEST(NetworkPoolTest, TheMeanOfManyStepsKeepsItsDigits) {
  std::mt19937 generator(5);
  const Model model =
      RandomModel({.spec = {.input_size = 2, .hidden_size = 3, .num_layers = 1},
                   .head = HeadSpec{{{2}}, AppliedTo::kMean}},
                  generator);
  const auto network = Network::Create(model.info, model.weights, {});
  ASSERT_TRUE(network.ok());
  TestSequence s = RandomSequence(model, 60'000, generator);
  Network::Run run;
  for (const int64_t steps : {1, 10'000, 49'999}) {
    RunBatch(model, **network, {&s}, {steps}, run);
  }
  ExpectNaive(model, s, "long");
}

TEST(NetworkPoolTest, AMeanPastFloat32IsAnOverflow) {
  const Spec spec = {.input_size = 1,
                     .hidden_size = 1,
                     .num_layers = 1,
                     .nonlinearity = Nonlinearity::kRelu,
                     .bias = false};
  Model model;
  model.info.spec = spec;
  model.info.head = HeadSpec{{{1}}, AppliedTo::kMean};
  model.weights.layers = {
      {.weight_ih = {{1, 1}, {1}}, .weight_hh = {{1, 1}, {0}}}};
  model.weights.head = {{.weight = {{1, 1}, {1}}}};
  const auto network = Network::Create(model.info, model.weights, {});
  ASSERT_TRUE(network.ok());
  Network::Run run;
  TestSequence s;
  s.steps = 2;
  s.features = {3e38f, 3e38f};
  s.h = {0};
  s.pool = {ZeroTensor({2, 1}), ZeroTensor({1})};
  RunBatch(model, **network, {&s}, {1}, run);
  EXPECT_FALSE(run.results[0].overflowed());
  RunBatch(model, **network, {&s}, {1}, run);
  EXPECT_TRUE(run.results[0].overflowed());
}

// The error that README states.
TEST(NetworkPrecisionTest, Bfloat16IsWithinTwoHundredthsOfFloat64) {
  if (!CpuHasBfloat16()) GTEST_SKIP() << "this CPU has no bfloat16";
  std::mt19937 generator(9);
  for (const Nonlinearity nonlinearity :
       {Nonlinearity::kTanh, Nonlinearity::kRelu}) {
    for (const int64_t h : {16, 100, 512}) {
      Model model = RandomModel({.spec = {.input_size = 40,
                                          .hidden_size = h,
                                          .num_layers = 2,
                                          .nonlinearity = nonlinearity}},
                                generator);
      model.info.precision = Precision::kBfloat16;
      const auto network = Network::Create(model.info, model.weights, {});
      ASSERT_TRUE(network.ok());
      TestSequence s = RandomSequence(model, 50, generator);
      Network::Run run;
      RunBatch(model, **network, {&s}, {50}, run);
      const auto want =
          NaiveRnn(model, ToMatrix(s.features, 40), ToMatrix(s.h_0, h));
      ExpectClose(s.hidden, Flatten(want.hidden), absl::StrCat("H ", h), 2e-2);
      EXPECT_FALSE(unroll::testing::IsClose(
          s.hidden, Flatten(want.hidden),
          {static_cast<int64_t>(s.hidden.size())}, 1e-5))
          << "nothing was rounded";
    }
  }
}

TEST(NetworkKernelTest, TheModelsOwnSettingWinsAndAutoIsSplitOnAnyCpuWithFma) {
  std::mt19937 generator(3);
  Model model = RandomModel(
      {.spec = {.input_size = 4, .hidden_size = 9, .num_layers = 1}},
      generator);
  const auto kernel = [&](KernelChoice choice) {
    return (*Network::Create(model.info, model.weights,
                             {.max_rows = 2, .kernel = choice}))
        ->kernel();
  };
  EXPECT_EQ(kernel(KernelChoice::kAuto), simd::Fused(CpuOps().isa)
                                             ? KernelChoice::kSplit
                                             : KernelChoice::kPrimitive);
  EXPECT_EQ(kernel(KernelChoice::kSplit), KernelChoice::kSplit);
  EXPECT_EQ(kernel(KernelChoice::kPrimitive), KernelChoice::kPrimitive);
  model.info.kernel = KernelChoice::kPrimitive;
  EXPECT_EQ(kernel(KernelChoice::kSplit), KernelChoice::kPrimitive);
}

}  // namespace
}  // namespace unroll
