// Networks as people name and build them: all of it is found, or refused with
// what to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/load/loader.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using testing::IsError;
using testing::NumbersOf;
using testing::SafetensorsBuilder;
using testing::TempDirectory;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<Model> Load(const SafetensorsBuilder& weights,
                           const std::string& config = "{}",
                           const std::string& vocabulary = "") {
  TempDirectory directory;
  directory.Write("model.safetensors", weights.Build());
  directory.Write("config.json", config);
  if (!vocabulary.empty()) directory.Write("vocab.txt", vocabulary);
  return LoadModel({.name = "m",
                    .version = 1,
                    .directory = directory.path(),
                    .model_directory = directory.path()},
                   {});
}

// Names of an nn.RNN's tensors, as they are in the first layer's weights.
void ExpectLayer(const LayerWeights& layer, const std::string& prefix,
                 const std::string& end) {
  const auto expect = [&](const Tensor& tensor, const std::string& part) {
    EXPECT_EQ(tensor.values,
              NumbersOf(prefix + part + end, std::ssize(tensor.values)))
        << prefix << part << end;
  };
  expect(layer.weight_ih, "weight_ih");
  expect(layer.weight_hh, "weight_hh");
  expect(layer.bias_ih, "bias_ih");
  expect(layer.bias_hh, "bias_hh");
}

// What torch.compile, DataParallel and Lightning put in front.
TEST(WildNetworksTest, PrefixesOfWrappers) {
  for (const std::string wrapper :
       {"module.", "_orig_mod.", "module._orig_mod.", "model.", "net.0."}) {
    ASSERT_OK_AND_ASSIGN(
        const Model model,
        Load(SafetensorsBuilder()
                 .Add(wrapper + "embedding.weight", {7, 4})
                 .AddRnn(wrapper + "rnn.",
                         {.input_size = 4, .hidden_size = 5, .num_layers = 2})
                 .Add(wrapper + "fc.weight", {3, 5})
                 .Add(wrapper + "fc.bias", {3})));
    EXPECT_EQ(model.info.vocabulary_size, 7) << wrapper;
    EXPECT_EQ(model.info.head->classes(), 3) << wrapper;
    ExpectLayer(model.weights.layers[1], wrapper + "rnn.", "_l1");
  }
}

TEST(WildNetworksTest, AnNnSequential) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      Load(SafetensorsBuilder()
               .Add("0.weight", {7, 4})
               .AddRnn("1.",
                       {.input_size = 4, .hidden_size = 5, .num_layers = 1})
               .Add("3.weight", {3, 5})
               .Add("3.bias", {3})));
  EXPECT_EQ(model.weights.embedding.values, NumbersOf("0.weight", 28));
  EXPECT_EQ(model.weights.head.at(0).weight.values, NumbersOf("3.weight", 15));
}

// pytorch/examples' word_language_model.
TEST(WildNetworksTest, EncoderAndDecoder) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      Load(SafetensorsBuilder()
               .Add("encoder.weight", {7, 4})
               .AddRnn("rnn.",
                       {.input_size = 4, .hidden_size = 5, .num_layers = 2})
               .Add("decoder.weight", {7, 5})
               .Add("decoder.bias", {7})));
  EXPECT_EQ(model.weights.embedding.values, NumbersOf("encoder.weight", 28));
  EXPECT_EQ(model.weights.head.at(0).weight.values,
            NumbersOf("decoder.weight", 35));
}

TEST(WildNetworksTest, TiedEncoderAndDecoderOfWhichOneIsStored) {
  const auto stored = [](const std::string& name) {
    return SafetensorsBuilder()
        .Add(name, {7, 5})
        .AddRnn("rnn.", {.input_size = 5, .hidden_size = 5, .num_layers = 1})
        .Add("decoder.bias", {7});
  };
  const auto expect = [](const Model& model, const std::string& name) {
    EXPECT_EQ(model.weights.embedding.values, NumbersOf(name, 35));
    EXPECT_EQ(model.weights.head.at(0).weight.values, NumbersOf(name, 35));
    EXPECT_EQ(model.weights.head[0].bias.values, NumbersOf("decoder.bias", 7));
  };
  for (const auto& [dropped, written] :
       std::vector<std::pair<std::string, std::string>>{
           {"decoder.weight", "encoder.weight"},
           {"encoder.weight", "decoder.weight"}}) {
    ASSERT_OK_AND_ASSIGN(const Model model,
                         Load(stored(written).SetMetadata(dropped, written)));
    expect(model, written);
  }
  // Without metadata, config.json says it.
  ASSERT_OK_AND_ASSIGN(const Model named,
                       Load(stored("decoder.weight"),
                            R"({"tensors": {"embedding": "decoder.weight"}})"));
  expect(named, "decoder.weight");
  ASSERT_OK_AND_ASSIGN(
      const Model both,
      Load(SafetensorsBuilder()
               .Add("w.weight", {7, 5})
               .AddRnn("rnn.",
                       {.input_size = 5, .hidden_size = 5, .num_layers = 1}),
           R"({"tensors": {"embedding": "w.weight", "head": "w."}})"));
  EXPECT_EQ(both.weights.head.at(0).weight.values, NumbersOf("w.weight", 35));
  EXPECT_EQ(both.info.vocabulary_size, 7);
}

TEST(WildNetworksTest, StackedRnns) {
  const SafetensorsBuilder weights =
      SafetensorsBuilder()
          .AddRnn("rnn10.",
                  {.input_size = 5, .hidden_size = 5, .num_layers = 1})
          .AddRnn("rnn2.", {.input_size = 4,
                            .hidden_size = 5,
                            .num_layers = 2,
                            .bias = false});
  EXPECT_THAT(Load(weights),
              IsError(kInvalid,
                      "2 nn.RNNs, with the prefixes \"rnn2.\", \"rnn10.\". If "
                      "each reads the one before, list them in that order: "
                      "\"tensors\": {\"rnn\": [...]} in config.json"));
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      Load(weights, R"({"tensors": {"rnn": ["rnn2.", "rnn10."]}})"));
  EXPECT_EQ(model.info.spec.num_layers, 3);
  EXPECT_EQ(model.info.spec.input_size, 4);
  EXPECT_TRUE(model.info.spec.bias);
  EXPECT_TRUE(model.weights.layers[1].bias_ih.empty());
  ExpectLayer(model.weights.layers[2], "rnn10.", "_l0");
  EXPECT_EQ(model.info.facts[0].value, "rnn2.* -> rnn10.*");

  EXPECT_THAT(
      Load(weights, R"({"tensors": {"rnn": ["rnn10.", "rnn2."]}})"),
      IsError(kInvalid,
              "{\"rnn\": [..., \"rnn10.\", \"rnn2.\"]}: the first gives "
              "5 numbers a step, the second reads 4"));
  EXPECT_THAT(Load(weights, R"({"tensors": {"rnn": ["rnn2."]}})"),
              IsError(kInvalid, "not used: \"rnn10.bias_hh_l0\""));
  const SafetensorsBuilder narrowing =
      SafetensorsBuilder()
          .AddRnn("a.", {.input_size = 4, .hidden_size = 5, .num_layers = 1})
          .AddRnn("b.", {.input_size = 5, .hidden_size = 3, .num_layers = 1});
  EXPECT_THAT(Load(narrowing, R"({"tensors": {"rnn": ["a.", "b."]}})"),
              IsError(absl::StatusCode::kUnimplemented,
                      "H = 5, D = 1 under H = 3, D = 1; stacked nn.RNNs that "
                      "differ in these are not served yet"));
}

TEST(WildNetworksTest, RnnCells) {
  const auto add_cell = [](SafetensorsBuilder& weights,
                           const std::string& prefix, int64_t reads) {
    weights.Add(prefix + "weight_ih", {5, reads})
        .Add(prefix + "weight_hh", {5, 5})
        .Add(prefix + "bias_ih", {5})
        .Add(prefix + "bias_hh", {5});
  };
  SafetensorsBuilder one;
  add_cell(one, "cell.", 4);
  ASSERT_OK_AND_ASSIGN(const Model model, Load(one));
  EXPECT_EQ(model.info.spec.num_layers, 1);
  EXPECT_EQ(model.info.spec.input_size, 4);
  ExpectLayer(model.weights.layers.at(0), "cell.", "");

  SafetensorsBuilder two;
  add_cell(two, "cells.0.", 4);
  add_cell(two, "cells.1.", 5);
  ASSERT_OK_AND_ASSIGN(
      const Model stacked,
      Load(two, R"({"tensors": {"rnn": ["cells.0.", "cells.1."]}})"));
  EXPECT_EQ(stacked.info.spec.num_layers, 2);
  ExpectLayer(stacked.weights.layers.at(1), "cells.1.", "");

  EXPECT_THAT(Load(SafetensorsBuilder()
                       .Add("cell.weight_ih", {15, 4})
                       .Add("cell.weight_hh", {15, 5})),
              IsError(absl::StatusCode::kUnimplemented, "this is a GRU"));
  SafetensorsBuilder mixed;
  add_cell(mixed, "", 4);
  mixed.AddRnn("", {.input_size = 4, .hidden_size = 5, .num_layers = 1});
  EXPECT_THAT(Load(mixed),
              IsError(kInvalid, "an nn.RNNCell and an nn.RNN with one prefix"));
}

TEST(WildNetworksTest, OneHotInput) {
  const SafetensorsBuilder weights = SafetensorsBuilder().AddRnn(
      "rnn.", {.input_size = 3, .hidden_size = 5, .num_layers = 1});
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      Load(weights, R"({"tokenizer": "characters"})", "a\nb\nc\n"));
  EXPECT_TRUE(model.info.one_hot);
  EXPECT_EQ(model.info.vocabulary_size, 3);
  EXPECT_TRUE(model.weights.embedding.empty());
  EXPECT_THAT(
      Load(weights, "{}", "a\nb\n"),
      IsError(kInvalid,
              "vocab.txt: 2 lines, expected 3, the inputs of a step (there is "
              "no embedding, so that tokens are one-hot)"));
}

// nn.Sequential(Linear, ReLU, Dropout, Linear): nothing in the weights tells
// what is between.
TEST(WildNetworksTest, HeadsOfSeveralLinears) {
  const SafetensorsBuilder weights =
      SafetensorsBuilder()
          .AddRnn("rnn.", {.input_size = 4, .hidden_size = 5, .num_layers = 1})
          .Add("head.0.weight", {8, 5})
          .Add("head.0.bias", {8})
          .Add("head.3.weight", {2, 8});
  EXPECT_THAT(
      Load(weights),
      IsError(kInvalid,
              "If these are the head's layers, say so: \"head\": {\"layers\": "
              "[{\"tensors\": \"head.0.\", \"activation\": \"...\"}, "
              "{\"tensors\": \"head.3.\", \"activation\": \"...\"}]}"));
  ASSERT_OK_AND_ASSIGN(const Model model, Load(weights, R"({"head": {
      "applied_to": "mean",
      "layers": [{"tensors": "head.0.", "activation": "relu"},
                 {"tensors": "head.3.", "activation": "softmax"}]}})"));
  const HeadSpec& head = *model.info.head;
  EXPECT_EQ(head.applied_to, AppliedTo::kMean);
  ASSERT_EQ(head.layers.size(), 2u);
  EXPECT_EQ(head.layers[0].width, 8);
  EXPECT_EQ(head.layers[0].activation, Activation::kRelu);
  EXPECT_EQ(head.classes(), 2);
  EXPECT_EQ(head.activation(), Activation::kSoftmax);
  EXPECT_EQ(model.weights.head.at(1).weight.values,
            NumbersOf("head.3.weight", 16));
  EXPECT_TRUE(model.weights.head[1].bias.empty());

  EXPECT_THAT(Load(weights, R"({"head": {"layers": [{"tensors": "head.3."},
                                                    {"tensors": "head.0."}]}})"),
              IsError(kInvalid,
                      "tensor \"head.3.weight\": shape [2,8], expected [C,5]"));
  EXPECT_THAT(
      Load(weights, R"({"head": {"layers": [{"tensors": "head.1."}]}})"),
      IsError(kInvalid,
              "{\"layers\": [{\"tensors\": \"head.1.\"}]}: no tensor "
              "\"head.1.weight\""));
}

TEST(WildNetworksTest, NormalisedInput) {
  const SafetensorsBuilder weights =
      SafetensorsBuilder()
          .AddRnn("rnn.", {.input_size = 2, .hidden_size = 5, .num_layers = 1})
          .AddF32("scaler.mean", {1, 1, 2}, {1, 2})
          .AddF32("scaler.std", {2}, {3, 4});
  ASSERT_OK_AND_ASSIGN(
      const Model tensors,
      Load(weights, R"({"tensors": {"input_mean": "scaler.mean",
                                    "input_std": "scaler.std"}})"));
  EXPECT_THAT(tensors.weights.normalization.mean.values, ElementsAre(1, 2));
  EXPECT_THAT(tensors.weights.normalization.mean.shape, ElementsAre(2));
  EXPECT_THAT(tensors.weights.normalization.std.values, ElementsAre(3, 4));

  const SafetensorsBuilder bare = SafetensorsBuilder().AddRnn(
      "rnn.", {.input_size = 2, .hidden_size = 5, .num_layers = 1});
  ASSERT_OK_AND_ASSIGN(
      const Model numbers,
      Load(bare, R"({"input": {"mean": [0.5, -1], "std": 2}})"));
  EXPECT_THAT(numbers.weights.normalization.mean.values,
              ElementsAre(0.5f, -1.0f));
  EXPECT_THAT(numbers.weights.normalization.std.values, ElementsAre(2, 2));
  ASSERT_OK_AND_ASSIGN(const Model mean,
                       Load(bare, R"({"input": {"mean": 3}})"));
  EXPECT_THAT(mean.weights.normalization.std.values, ElementsAre(1, 1));
  EXPECT_NE(mean.info.fingerprint, numbers.info.fingerprint);

  EXPECT_THAT(Load(weights), IsError(kInvalid, "2 tensors are not used"));
  EXPECT_THAT(
      Load(bare, R"({"input": {"mean": [1, 2, 3]}})"),
      IsError(kInvalid,
              "config.json: \"input\": {\"mean\"}: 3 numbers, expected 1 "
              "or 2, the features of a step"));
  EXPECT_THAT(Load(weights, R"({"tensors": {"input_mean": "mean"}})"),
              IsError(kInvalid,
                      "\"tensors\": {\"input_mean\": \"mean\"}: no tensor "
                      "\"mean\""));
  EXPECT_THAT(
      Load(SafetensorsBuilder()
               .AddRnn("rnn.",
                       {.input_size = 2, .hidden_size = 5, .num_layers = 1})
               .AddF32("std", {2}, {1, -1}),
           R"({"tensors": {"input_std": "std"}})"),
      IsError(kInvalid,
              "tensor \"std\": element 1 is -1, expected more than 0"));
  EXPECT_THAT(Load(bare, R"({"input": {"mean": 3}})", "a\nb\n"),
              IsError(kInvalid, "but the model takes tokens"));
}

TEST(WildNetworksTest, WhatCannotBeServedIsRefusedByName) {
  const auto with = [](const std::string& name, const Shape& shape) {
    return Load(
        SafetensorsBuilder()
            .AddRnn("rnn.",
                    {.input_size = 4, .hidden_size = 5, .num_layers = 1})
            .Add(name, shape));
  };
  EXPECT_THAT(with("bn.running_mean", {5}),
              IsError(kInvalid, "\"bn.running_mean\" [5] (a BatchNorm)"));
  EXPECT_THAT(with("norm.weight", {5}),
              IsError(kInvalid, "(a normalisation layer)"));
  EXPECT_THAT(with("conv.weight", {4, 4, 3}),
              IsError(kInvalid, "(a convolution)"));
  EXPECT_THAT(with("attention.in_proj_weight", {15, 5}),
              IsError(kInvalid, "(an attention)"));
  EXPECT_THAT(
      with("crf.transitions", {5, 5}),
      IsError(kInvalid, "1 tensor is not used: \"crf.transitions\" [5,5]"));
  // A second branch.
  EXPECT_THAT(
      Load(SafetensorsBuilder()
               .AddRnn("rnn.",
                       {.input_size = 4, .hidden_size = 5, .num_layers = 1})
               .Add("tags.weight", {9, 5})
               .Add("sentiment.weight", {2, 5})),
      IsError(kInvalid, "2 tensors may be the head"));
}

}  // namespace
}  // namespace unroll
