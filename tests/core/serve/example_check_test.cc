#include "core/serve/example_check.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/load/repository.h"
#include "core/serve/model_registry.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/random_model.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using testing::Flatten;
using testing::IsError;
using testing::IsOk;
using testing::Matrix;
using testing::NaiveEmbed;
using testing::NaiveResult;
using testing::NaiveRnn;
using testing::RandomFloats;
using testing::RandomModel;
using testing::RandomModelOptions;
using testing::SafetensorsBuilder;
using testing::TempDirectory;
using testing::ToMatrix;

constexpr int64_t kSequences = 5, kSteps = 4;

void Append(const Matrix& rows, std::vector<float>& values) {
  for (const double value : Flatten(rows)) {
    values.push_back(static_cast<float>(value));
  }
}

// What the second opinion says of random sequences.
Example NaiveExample(const Model& model, std::mt19937& generator) {
  const Spec& spec = model.info.spec;
  const int64_t states = spec.num_layers * spec.directions;
  const int64_t h = spec.hidden_size;
  Example example = {.sequences = kSequences, .steps = kSteps};
  const Shape state = {states, kSequences, h};
  example.h_0 = {state, RandomFloats(states * kSequences * h, generator)};
  example.h_n = ZeroTensor(state);
  example.hidden = {{kSequences, kSteps, spec.hidden_width()}, {}};
  example.scores.emplace();
  for (int64_t n = 0; n < kSequences; ++n) {
    Matrix input;
    if (model.info.vocabulary_size > 0) {
      std::vector<int32_t> tokens;
      for (int64_t t = 0; t < kSteps; ++t) {
        tokens.push_back(
            static_cast<int32_t>(generator() % model.info.vocabulary_size));
      }
      example.tokens.insert(example.tokens.end(), tokens.begin(), tokens.end());
      input = NaiveEmbed(model, tokens);
    } else {
      const auto features = RandomFloats(kSteps * spec.input_size, generator);
      example.features.insert(example.features.end(), features.begin(),
                              features.end());
      input = ToMatrix(features, spec.input_size);
    }
    std::vector<float> h_0;
    for (int64_t i = 0; i < states; ++i) {
      const auto row = example.h_0.values.begin() + (i * kSequences + n) * h;
      h_0.insert(h_0.end(), row, row + h);
    }
    const NaiveResult want = NaiveRnn(model, input, ToMatrix(h_0, h));
    Append(want.hidden, example.hidden->values);
    Append(want.scores, example.scores->values);
    for (int64_t i = 0; i < states; ++i) {
      for (int64_t j = 0; j < h; ++j) {
        example.h_n->values[(i * kSequences + n) * h + j] =
            static_cast<float>(want.h_n[i][j]);
      }
    }
  }
  const int64_t c = model.info.head->classes();
  example.scores->shape = model.info.head->each_step()
                              ? Shape{kSequences, kSteps, c}
                              : Shape{kSequences, c};
  return example;
}

std::vector<RandomModelOptions> Models() {
  return {
      {.spec = {.input_size = 3, .hidden_size = 9, .num_layers = 2},
       .head = HeadSpec{.layers = {{4}}}},
      {.spec = {.input_size = 3,
                .hidden_size = 9,
                .num_layers = 2,
                .directions = 2},
       .vocabulary_size = 6,
       .head = HeadSpec{{{7, Activation::kRelu}, {4}}, AppliedTo::kMean}},
      {.spec = {.input_size = 6, .hidden_size = 9, .num_layers = 1},
       .vocabulary_size = 6,
       .one_hot = true,
       .head = HeadSpec{{{4}}, AppliedTo::kMax}},
  };
}

TEST(CheckExampleTest, AgreesWithTheSecondOpinionAndFindsEveryDifference) {
  std::mt19937 generator(17);
  for (const RandomModelOptions& options : Models()) {
    const Model model = RandomModel(options, generator);
    const Example example = NaiveExample(model, generator);
    // Fewer rows than sequences: several batches.
    ASSERT_OK_AND_ASSIGN(
        const std::unique_ptr<const Network> network,
        Network::Create(model.info, model.weights, {.max_rows = 2}));
    EXPECT_THAT(CheckExample(example, model.info, *network, 2), IsOk());
    const auto differs = [&](std::optional<Tensor> Example::*part,
                             const std::string& name) {
      for (const size_t place :
           {size_t{0}, (example.*part)->values.size() - 1}) {
        Example other = example;
        (other.*part)->values[place] += 0.01f;
        EXPECT_THAT(CheckExample(other, model.info, *network, 2),
                    IsError(absl::StatusCode::kFailedPrecondition,
                            "example.safetensors: " + name + "["))
            << place;
      }
    };
    differs(&Example::hidden, "hidden");
    differs(&Example::h_n, "h_n");
    differs(&Example::scores, "scores");
  }
}

// A model whose example does not agree is not served; the others are.
TEST(CheckExampleTest, AMismatchRefusesTheModelAlone) {
  TempDirectory directory;
  const std::string weights =
      SafetensorsBuilder()
          .AddRnn("rnn.", {.input_size = 1, .hidden_size = 1, .num_layers = 1})
          .Build();
  for (const char* name : {"good", "wrong", "relu"}) {
    directory.Write(std::string(name) + "/model.safetensors", weights);
  }
  Model model;
  model.info.spec = {.input_size = 1, .hidden_size = 1, .num_layers = 1};
  const auto number = [](const char* name) {
    return Tensor{{1, 1}, testing::NumbersOf(std::string("rnn.") + name, 1)};
  };
  model.weights.layers = {{.weight_ih = number("weight_ih_l0"),
                           .weight_hh = number("weight_hh_l0"),
                           .bias_ih = number("bias_ih_l0"),
                           .bias_hh = number("bias_hh_l0")}};
  const auto h_n =
      static_cast<float>(NaiveRnn(model, {{0.5}, {-2.0}}).h_n[0][0]);
  const auto example = [&](float value) {
    return SafetensorsBuilder()
        .AddF32("input", {2, 1}, {0.5f, -2.0f})
        .AddF32("h_n", {1, 1}, {value})
        .Build();
  };
  directory.Write("good/example.safetensors", example(h_n));
  directory.Write("wrong/example.safetensors", example(h_n + 0.1f));
  directory.Write("relu/example.safetensors", example(h_n));
  directory.Write("relu/config.json", R"({"nonlinearity": "relu"})");

  ASSERT_OK_AND_ASSIGN(const auto paths, ListRepository(directory.path()));
  Admission admission({.memory_limit = 1 << 30});
  ModelRegistry registry(paths, {.max_rows = 2}, admission);
  registry.LoadAll([](const ModelRegistry::Entry&) { return true; });
  ASSERT_OK_AND_ASSIGN(const auto good, registry.Find("good", 0));
  EXPECT_EQ(good->info.facts.back().value,
            "example.safetensors agrees, 1 x 2 steps");
  for (const char* name : {"wrong", "relu"}) {
    EXPECT_THAT(registry.Find(name, 0),
                IsError(absl::StatusCode::kFailedPrecondition,
                        "did not load: version 1: example.safetensors: "
                        "h_n[0,0] is "))
        << name;
  }
}

// Folders that tools/export.py wrote from PyTorch and Keras modules, with what
// these made of an example.
TEST(CheckExampleTest, TheCommittedExportsAgree) {
  for (const std::string source : {"exported", "keras"}) {
    ASSERT_OK_AND_ASSIGN(
        const auto paths,
        ListRepository(UNROLL_SOURCE_DIR "/tests/data/" + source));
    EXPECT_GE(paths.size(), 4u);
    Admission admission({.memory_limit = 1 << 30});
    ModelRegistry registry(paths, {.max_rows = 4}, admission);
    registry.LoadAll([](const ModelRegistry::Entry& entry) {
      EXPECT_THAT(entry.error, IsOk()) << entry.path.directory;
      if (entry.model != nullptr) {
        EXPECT_TRUE(entry.model->info.facts.back().value.starts_with(
            "example.safetensors agrees"))
            << entry.path.directory;
      }
      return true;
    });
  }
}

}  // namespace
}  // namespace unroll
