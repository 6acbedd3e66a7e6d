#include "core/model/fingerprint.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::RandomModel;

Model SmallModel() {
  std::mt19937 generator(1);
  Model model =
      RandomModel({.spec = {.input_size = 2, .hidden_size = 2, .num_layers = 2},
                   .vocabulary_size = 2,
                   .head = HeadSpec{.layers = {{2}}}},
                  generator);
  model.info.vocabulary = *Vocabulary::Parse("a\nb\n", {}, "vocab.txt");
  return model;
}

std::string Of(const Model& model) {
  return Fingerprint(model.info, model.weights).value();
}

TEST(FingerprintTest, IsSixtyFourHexadecimalDigits) {
  const std::string fingerprint = Of(SmallModel());
  EXPECT_EQ(fingerprint.size(), 64);
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789abcdef"),
            std::string::npos);
}

// State tokens hold it: what it is for a model may not change by accident.
TEST(FingerprintTest, StaysWhatItWas) {
  Model model;
  model.info.spec = {.input_size = 1, .hidden_size = 1, .num_layers = 1};
  const Tensor one = {{1, 1}, {1}};
  const Tensor bias = {{1}, {0}};
  model.weights.layers = {{one, one, bias, bias}};
  // Computed by Python's hashlib.
  EXPECT_EQ(Of(model),
            "50642e5787cb7b4fffc28861e46900883af712f2980738bd595d725746a99981");
}

TEST(FingerprintTest, DoesNotDependOnWhatResultsDoNotDependOn) {
  Model model = SmallModel();
  const std::string fingerprint = Of(model);
  model.info.name = "another";
  model.info.version = 7;
  model.info.labels = {"x", "y"};
  model.info.kernel = KernelChoice::kPrimitive;
  model.info.metadata = {{"k", "v"}};
  model.info.facts = {{"f", "v", FactSource::kRead}};
  EXPECT_EQ(Of(model), fingerprint);
}

TEST(FingerprintTest, DependsOnAllThatResultsDependOn) {
  using Change = std::function<void(Model&)>;
  const auto vocabulary = [](const char* text,
                             const Vocabulary::Options& options) -> Change {
    return [=](Model& m) {
      m.info.vocabulary = *Vocabulary::Parse(text, options, "vocab.txt");
    };
  };
  const Change changes[] = {
      [](Model&) {},
      [](Model& m) { m.info.spec.nonlinearity = Nonlinearity::kRelu; },
      [](Model& m) { m.info.spec.directions = 2; },
      [](Model& m) { m.info.spec.bias = false; },
      [](Model& m) { m.weights.layers[0].weight_ih.values[0] += 1; },
      [](Model& m) { m.weights.layers[1].weight_hh.values[3] += 1; },
      [](Model& m) { m.weights.layers[1].bias_ih.values[1] += 1; },
      [](Model& m) { m.weights.layers[0].bias_hh.values[1] += 1; },
      [](Model& m) {
        std::swap(m.weights.layers[0].bias_ih, m.weights.layers[0].bias_hh);
      },
      [](Model& m) { std::swap(m.weights.layers[0], m.weights.layers[1]); },
      [](Model& m) { m.weights.embedding.values[0] += 1; },
      [](Model& m) { m.weights.embedding = {}; },
      [](Model& m) { m.weights.head[0].weight.values[0] += 1; },
      [](Model& m) { m.weights.head[0].bias.values[0] += 1; },
      [](Model& m) { m.weights.head[0].bias = {}; },
      [](Model& m) {
        m.info.head->layers[0].activation = Activation::kSoftmax;
      },
      [](Model& m) { m.info.head->applied_to = AppliedTo::kLastStep; },
      [](Model& m) { m.info.head.reset(); },
      [](Model& m) { m.info.vocabulary.reset(); },
      vocabulary("b\na\n", {}),
      vocabulary("ab\n", {}),
      vocabulary("a\nb\n", {.tokenizer = Tokenizer::kCharacters}),
      vocabulary("a\nb\n", {.unknown_token = "a"}),
      vocabulary("a\nb\n", {.blank_token = "a"}),
  };
  std::set<std::string> fingerprints;
  for (const Change& change : changes) {
    Model model = SmallModel();
    change(model);
    EXPECT_TRUE(fingerprints.insert(Of(model)).second)
        << "change " << fingerprints.size();
  }
}

}  // namespace
}  // namespace unroll
