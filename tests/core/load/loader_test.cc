#include "core/load/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using testing::BytesOf;
using ::testing::ElementsAre;
using testing::IsError;
using testing::IsOk;
using testing::NumbersOf;
using ::testing::Pair;
using testing::RnnShapes;
using testing::SafetensorsBuilder;
using testing::TempDirectory;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr Spec kSpec = {.input_size = 4, .hidden_size = 8, .num_layers = 1};

// A model "m" of version 3 in a repository of its own.
class Repository {
 public:
  // The weights, and files beside them by name.
  explicit Repository(const std::string& weights) {
    Write("model.safetensors", weights);
  }
  explicit Repository(const SafetensorsBuilder& weights)
      : Repository(weights.Build()) {}
  Repository& Write(const std::string& name, std::string_view text) {
    root_.Write("m/3/" + name, text);
    return *this;
  }
  Repository& WriteForAllVersions(const std::string& name,
                                  std::string_view text) {
    root_.Write("m/" + name, text);
    return *this;
  }
  absl::StatusOr<Model> Load(const LoadOptions& options = {}) const {
    return LoadModel({.name = "m",
                      .version = 3,
                      .directory = root_ / "m/3",
                      .model_directory = root_ / "m"},
                     options);
  }
  const TempDirectory& root() const { return root_; }

 private:
  TempDirectory root_;
};

// Embedding [3,4], nn.RNN of kSpec, head [2,8].
SafetensorsBuilder FullModel() {
  return SafetensorsBuilder()
      .Add("embedding.weight", {3, 4})
      .AddRnn("rnn.", kSpec)
      .Add("head.weight", {2, 8})
      .Add("head.bias", {2});
}

// "name: value (source)".
std::vector<std::string> Facts(const Model& model) {
  std::vector<std::string> facts;
  for (const Fact& fact : model.info.facts) {
    facts.push_back(absl::StrFormat("%s: %s (%s)", fact.name, fact.value,
                                    Name(fact.source)));
  }
  return facts;
}

TEST(LoadModelTest, ServesABareStateDictWithoutConfig) {
  const Spec spec = {
      .input_size = 4, .hidden_size = 3, .num_layers = 2, .directions = 2};
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      Repository(
          SafetensorsBuilder().SetMetadata("format", "pt").AddRnn("", spec))
          .Load());
  EXPECT_EQ(model.info.name, "m");
  EXPECT_EQ(model.info.version, 3);
  EXPECT_EQ(model.info.spec.hidden_width(), 6);
  EXPECT_EQ(model.info.spec.nonlinearity, Nonlinearity::kTanh);
  EXPECT_FALSE(model.info.head);
  EXPECT_FALSE(model.info.vocabulary);
  EXPECT_FALSE(model.info.kernel);
  EXPECT_THAT(model.info.metadata, ElementsAre(Pair("format", "pt")));
  ASSERT_EQ(model.weights.layers.size(), 4);
  EXPECT_EQ(model.weights.layers[3].weight_ih.shape, (Shape{3, 6}));
  EXPECT_EQ(model.weights.layers[3].weight_ih.values,
            NumbersOf("weight_ih_l1_reverse", 18));
  EXPECT_EQ(model.weights.layers[2].bias_hh.values, NumbersOf("bias_hh_l1", 3));
  EXPECT_TRUE(model.weights.embedding.empty());
  EXPECT_TRUE(model.weights.head.empty());
  EXPECT_THAT(
      Facts(model),
      ElementsAre("rnn: * (read)", "nonlinearity: tanh (assumed)",
                  "input_size: 4 (read)", "hidden_size: 3 (read)",
                  "num_layers: 2 (read)", "directions: 2 (read)",
                  "bias: true (read)", "embedding: none (read)",
                  "head: none (read)", "kernel: the server's choice (assumed)",
                  "precision: float32 (assumed)"));
}

TEST(LoadModelTest, ReadsEverythingThatAModelMayHave) {
  ASSERT_OK_AND_ASSIGN(const Model model,
                       Repository(FullModel().Add("aux.weight", {7, 7}))
                           .Write("config.json", R"({
      "nonlinearity": "relu",
      "head": {"activation": "softmax", "applied_to": "last_step"},
      "vocabulary": "tokens.txt", "labels": "classes.txt",
      "tokenizer": "characters", "unknown_token": "b", "blank_token": "c",
      "tensors": {"rnn": "rnn.", "embedding": "embedding.weight",
                  "head": "head."},
      "ignore": ["aux.*"], "kernel": "split", "precision": "bfloat16"})")
                           .Write("tokens.txt", "a\nb\nc\n")
                           .Write("classes.txt", "no\nyes\n")
                           .Load());
  EXPECT_EQ(model.info.spec.nonlinearity, Nonlinearity::kRelu);
  EXPECT_EQ(model.info.vocabulary_size, 3);
  EXPECT_EQ(model.info.head->classes(), 2);
  EXPECT_EQ(model.info.head->activation(), Activation::kSoftmax);
  EXPECT_EQ(model.info.head->applied_to, AppliedTo::kLastStep);
  EXPECT_THAT(model.info.labels, ElementsAre("no", "yes"));
  EXPECT_THAT(*model.info.vocabulary->Encode("ax[ ]"), ElementsAre(0, 1, 2));
  EXPECT_EQ(model.info.kernel, KernelChoice::kSplit);
  EXPECT_EQ(model.info.precision, Precision::kBfloat16);
  EXPECT_EQ(model.weights.embedding.values, NumbersOf("embedding.weight", 12));
  EXPECT_EQ(model.weights.head.at(0).weight.values,
            NumbersOf("head.weight", 16));
  EXPECT_EQ(model.weights.head.at(0).bias.values, NumbersOf("head.bias", 2));
  EXPECT_THAT(
      Facts(model),
      ElementsAre(
          "rnn: rnn.* (configured)", "nonlinearity: relu (configured)",
          "input_size: 4 (read)", "hidden_size: 8 (read)",
          "num_layers: 1 (read)", "directions: 1 (read)", "bias: true (read)",
          "embedding: embedding.weight [3,4] (configured)",
          "vocabulary: tokens.txt (configured)",
          "tokenizer: characters (configured)", "unknown_token: b (configured)",
          "blank_token: c (configured)", "head: head.weight [2,8] (configured)",
          "head.activation: softmax (configured)",
          "head.applied_to: last_step (configured)",
          "labels: classes.txt (configured)", "ignore: aux.* (configured)",
          "kernel: split (configured)", "precision: bfloat16 (configured)"));
}

TEST(LoadModelTest, SaysWhatItAssumes) {
  ASSERT_OK_AND_ASSIGN(const Model model, Repository(FullModel())
                                              .Write("vocab.txt", "a\nb\nc")
                                              .Write("labels.txt", "x\ny")
                                              .Load());
  EXPECT_THAT(
      Facts(model),
      ::testing::IsSupersetOf(
          {"embedding: embedding.weight [3,4] (read)",
           "vocabulary: vocab.txt (read)", "tokenizer: words (assumed)",
           "unknown_token: none (assumed)", "head: head.weight [2,8] (read)",
           "head.activation: identity (assumed)",
           "head.applied_to: each_step (assumed)",
           "labels: labels.txt (read)"}));
}

TEST(LoadModelTest, TheVersionsOwnFilesWin) {
  Repository repository(FullModel());
  repository.WriteForAllVersions("config.json", R"({"nonlinearity": "relu"})")
      .WriteForAllVersions("vocab.txt", "a\nb\nc\n")
      .WriteForAllVersions("labels.txt", "no\nyes\n");
  ASSERT_OK_AND_ASSIGN(const Model shared, repository.Load());
  EXPECT_EQ(shared.info.spec.nonlinearity, Nonlinearity::kRelu);
  EXPECT_EQ(shared.info.vocabulary->token(0), "a");
  repository.Write("config.json", "{}").Write("vocab.txt", "x\ny\nz\n");
  ASSERT_OK_AND_ASSIGN(const Model own, repository.Load());
  EXPECT_EQ(own.info.spec.nonlinearity, Nonlinearity::kTanh);
  EXPECT_EQ(own.info.vocabulary->token(0), "x");
  EXPECT_THAT(own.info.labels, ElementsAre("no", "yes"));
}

TEST(LoadModelTest, AKeyOrFileWithoutEffectIsRefused) {
  const std::string bare = SafetensorsBuilder().AddRnn("rnn.", kSpec).Build();
  const std::string full = FullModel().Build();
  struct Case {
    std::string weights;
    std::string config;
    std::vector<std::pair<std::string, std::string>> files;
    std::string part;
  };
  const Case cases[] = {
      {bare,
       R"({"head": {"activation": "softmax"}})",
       {},
       "config.json: \"head\", but no head among the tensors of "
       "model.safetensors: no weight [C,8]"},
      {bare,
       R"({"vocabulary": "v"})",
       {{"v", "a"}},
       "v: 1 lines, expected 4, the inputs of a step (there is no embedding, "
       "so "
       "that tokens are one-hot)"},
      {bare,
       "{}",
       {{"vocab.txt", "a"}},
       "vocab.txt: 1 lines, expected 4, the inputs of a step"},
      {bare,
       R"({"labels": "l"})",
       {{"l", "a"}},
       "l: there is a labels file, but there is no head among the tensors"},
      {bare,
       "{}",
       {{"labels.txt", "a"}},
       "labels.txt: there is a labels file, but there is no head"},
      {full,
       R"({"tokenizer": "words"})",
       {},
       "config.json: \"tokenizer\" without a vocabulary"},
      {full,
       R"({"unknown_token": "a"})",
       {},
       "config.json: \"unknown_token\" without a vocabulary"},
      {full,
       R"({"blank_token": "a"})",
       {},
       "config.json: \"blank_token\" without a vocabulary"},
      {full,
       R"({"vocabulary": "v"})",
       {{"vocab.txt", "a\nb\nc"}},
       "config.json: \"vocabulary\": no file \"v\" in "},
      {full,
       R"({"labels": "l"})",
       {},
       "config.json: \"labels\": no file \"l\""},
      {full,
       R"({"ignore": ["aux"]})",
       {},
       "config.json: \"ignore\": pattern \"aux\" matches no tensor"},
      {full, R"({"unknown": 1})", {}, "config.json: unknown key \"unknown\""},
      {full,
       "{}",
       {{"vocab.txt", "a\nb"}},
       "vocab.txt: 2 lines, expected 3, the rows of the embedding "
       "embedding.weight"},
      {full,
       "{}",
       {{"labels.txt", "a\nb\nc\n"}},
       "labels.txt: 3 lines, expected 2, the classes of the head head.weight"},
      {full,
       "{}",
       {{"labels.txt", "a\na\n"}},
       "labels.txt: line 2: \"a\" repeats line 1"},
      {full,
       R"({"unknown_token": "d"})",
       {{"vocab.txt", "a\nb\nc"}},
       "vocab.txt: unknown_token \"d\" is not one of the 3 tokens"},
      {full, "{}", {{"vocab.txt", ""}}, "vocab.txt: 0 lines, expected 3"},
  };
  for (const Case& c : cases) {
    Repository repository(c.weights);
    repository.Write("config.json", c.config);
    for (const auto& [name, text] : c.files) repository.Write(name, text);
    EXPECT_THAT(repository.Load(), IsError(kInvalid, c.part)) << c.config;
  }
}

TEST(LoadModelTest, RefusesAFileThatIsTooLarge) {
  Repository config(FullModel());
  config.Write("config.json", std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(config.Load(), IsError(absl::StatusCode::kResourceExhausted,
                                     "1048577 bytes, expected at most"));
  Repository vocabulary(FullModel());
  std::filesystem::resize_file(vocabulary.root().Write("m/3/vocab.txt", ""),
                               int64_t{1} << 40);
  EXPECT_THAT(vocabulary.Load(),
              IsError(absl::StatusCode::kResourceExhausted, "vocab.txt"));
}

TEST(LoadModelTest, RefusesWeightsThatMemoryDoesNotHold) {
  std::vector<uint16_t> half(8 * 4096, 0x3C00);
  const std::string bytes =
      SafetensorsBuilder()
          .AddRnn("", kSpec)
          .Add("e.weight", "F16", {8192, 4}, BytesOf(half))
          .Build();
  const Repository repository(bytes);
  const int64_t size = static_cast<int64_t>(bytes.size());
  EXPECT_THAT(repository.Load({.max_bytes = size - 1}),
              IsError(absl::StatusCode::kResourceExhausted,
                      absl::StrFormat("model.safetensors: %d bytes, but there "
                                      "is memory for %d",
                                      size, size - 1)));
  EXPECT_THAT(repository.Load({.max_bytes = size}),
              IsError(absl::StatusCode::kResourceExhausted,
                      "the tensors take more than"));
  EXPECT_THAT(repository.Load({.max_bytes = 3 * size}), IsOk());
}

TEST(LoadModelTest, SaysThatThereAreNoWeights) {
  TempDirectory root;
  const std::string directory = root.MakeDirectory("m");
  EXPECT_THAT(
      LoadModel({.name = "m",
                 .version = 1,
                 .directory = directory,
                 .model_directory = directory},
                {}),
      IsError(absl::StatusCode::kNotFound,
              "no model.safetensors, model.pt or model.onnx in " + directory));
  root.MakeDirectory("m/model.safetensors");
  EXPECT_THAT(LoadModel({.name = "m",
                         .version = 1,
                         .directory = directory,
                         .model_directory = directory},
                        {}),
              IsError(kInvalid, "not a regular file"));
}

TEST(LoadModelTest, RefusesWeightsThatAreNotFloating) {
  const Repository repository(
      SafetensorsBuilder()
          .AddRnn("rnn.", kSpec)
          .Add("head.weight", "I8", {2, 8}, std::string(16, '\0')));
  EXPECT_THAT(repository.Load(),
              IsError(kInvalid,
                      "model.safetensors: tensor \"head.weight\" [2,8]: dtype "
                      "I8, expected F32, F64, F16 or BF16"));
}

TEST(LoadModelTest, ListsWhatIsNotUsedWhateverItsType) {
  const Repository repository(
      FullModel()
          .Add("bn.num_batches_tracked", "I64", {}, std::string(8, '\0'))
          .Add("bn.weight", {8}));
  EXPECT_THAT(
      repository.Load(),
      IsError(kInvalid,
              "2 tensors are not used: \"bn.num_batches_tracked\" [] (a "
              "BatchNorm), \"bn.weight\" [8] (a normalisation layer)"));
}

TEST(LoadModelTest, LooksAtNoValueOfAnIgnoredTensor) {
  Repository repository(
      FullModel()
          .Add("steps", "I64", {}, std::string(8, '\0'))
          .AddF32("aux", {1}, {std::numeric_limits<float>::quiet_NaN()})
          .Add("empty", "F8_E5M2", {0, 3}, ""));
  repository.Write("config.json", R"({"ignore": ["steps", "aux", "empty"]})");
  EXPECT_THAT(repository.Load(), IsOk());
}

TEST(LoadModelTest, RefusesWeightsThatAreNotFinite) {
  std::vector<float> values(64);
  values[19] = std::numeric_limits<float>::quiet_NaN();
  SafetensorsBuilder builder;
  for (const auto& [name, shape] : RnnShapes("rnn.", kSpec)) {
    if (name == "rnn.weight_hh_l0") {
      builder.AddF32(name, shape, values);
    } else {
      builder.Add(name, shape);
    }
  }
  EXPECT_THAT(Repository(builder).Load(),
              IsError(kInvalid,
                      "model.safetensors: tensor \"rnn.weight_hh_l0\": element "
                      "[2,3] is nan"));
}

TEST(LoadModelTest, SaysThatAGruIsNotServedYet) {
  const Repository repository(SafetensorsBuilder()
                                  .Add("gru.weight_ih_l0", {24, 4})
                                  .Add("gru.weight_hh_l0", {24, 8}));
  EXPECT_THAT(repository.Load(),
              IsError(absl::StatusCode::kUnimplemented, "this is a GRU"));
}

// As safetensors.torch.save_model writes a network with tied weights.
TEST(LoadModelTest, FollowsTiedWeights) {
  const auto tied = [](const std::string& dropped, const std::string& written) {
    return SafetensorsBuilder()
        .SetMetadata("format", "pt")
        .SetMetadata(dropped, written)
        .Add("embed.weight", {3, 8})
        .AddRnn("rnn.", {.input_size = 8, .hidden_size = 8, .num_layers = 1});
  };
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      Repository(tied("fc.weight", "embed.weight").Add("fc.bias", {3})).Load());
  EXPECT_EQ(model.weights.embedding.values, NumbersOf("embed.weight", 24));
  ASSERT_EQ(model.weights.head.size(), 1u);
  EXPECT_EQ(model.weights.head[0].weight.values, NumbersOf("embed.weight", 24));
  EXPECT_EQ(model.weights.head[0].bias.values, NumbersOf("fc.bias", 3));
  EXPECT_THAT(Repository(tied("note", "no tensor")).Load(), IsOk());
  EXPECT_THAT(Repository(tied("embed.weight", "embed.weight")).Load(), IsOk());
  // Its owner leaves the head out.
  Repository ignored(tied("fc.weight", "embed.weight").Add("fc.bias", {3}));
  ignored.Write("config.json", R"({"ignore": ["fc.*"]})");
  ASSERT_OK_AND_ASSIGN(const Model bare, ignored.Load());
  EXPECT_TRUE(bare.weights.head.empty());
}

// Files that torch.save wrote, and the same tensors as safetensors.
TEST(LoadModelTest, APyTorchCheckpointIsTheSameModel) {
  for (const std::string name : {"plain", "checkpoint"}) {
    std::vector<std::string> fingerprints;
    for (const std::string end : {".pt", ".safetensors"}) {
      TempDirectory directory;
      directory.Write("config.json", R"({"ignore": ["norm.*"]})");
      std::filesystem::copy_file(
          UNROLL_SOURCE_DIR "/tests/data/pytorch/" + name + end,
          directory / ("model" + end));
      ASSERT_OK_AND_ASSIGN(const Model model,
                           LoadModel({.name = "m",
                                      .version = 1,
                                      .directory = directory.path(),
                                      .model_directory = directory.path()},
                                     {}));
      fingerprints.push_back(model.info.fingerprint);
    }
    EXPECT_EQ(fingerprints[0], fingerprints[1]) << name;
  }
}

TEST(LoadModelTest, RefusesTwoWeightsFilesAndNamesOthers) {
  Repository two(FullModel());
  two.Write("model.pt", "x");
  EXPECT_THAT(two.Load(), IsError(kInvalid,
                                  "model.safetensors and model.pt, expected "
                                  "one of them"));
  TempDirectory directory;
  directory.Write("m/pytorch_model.bin", "x");
  EXPECT_THAT(LoadModel({.name = "m",
                         .version = 1,
                         .directory = directory / "m",
                         .model_directory = directory / "m"},
                        {}),
              IsError(absl::StatusCode::kNotFound,
                      "there is \"pytorch_model.bin\": rename it to model.pt"));
}

// One network as files that say it differently.
TEST(LoadModelTest, TheFingerprintIsOfTheNetworkNotOfTheFile) {
  struct Named {
    std::string role, name;
    Shape shape;
  };
  const auto network = [](const std::string& prefix) {
    std::vector<Named> tensors;
    for (const auto& [name, shape] : RnnShapes("", kSpec)) {
      tensors.push_back({name, prefix + "rnn." + name, shape});
    }
    tensors.push_back({"embedding", prefix + "embedding.weight", {3, 4}});
    tensors.push_back({"head", prefix + "out.weight", {2, 8}});
    return tensors;
  };
  const auto fingerprint = [](const std::vector<Named>& tensors,
                              const std::string& dtype, float first) {
    SafetensorsBuilder builder;
    for (const Named& tensor : tensors) {
      std::vector<float> values =
          NumbersOf(tensor.role, *CheckedElements(tensor.shape));
      if (tensor.role == "head") values[0] = first;
      const std::vector<double> doubles(values.begin(), values.end());
      builder.Add(tensor.name, dtype, tensor.shape,
                  dtype == "F32" ? BytesOf(values) : BytesOf(doubles));
    }
    return Repository(builder).Load().value().info.fingerprint;
  };
  const std::string expected = fingerprint(network(""), "F32", 0.5);
  std::vector<Named> reversed = network("");
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(fingerprint(reversed, "F32", 0.5), expected);
  EXPECT_EQ(fingerprint(network("module."), "F32", 0.5), expected);
  EXPECT_EQ(fingerprint(network(""), "F64", 0.5), expected);
  EXPECT_NE(fingerprint(network(""), "F32", 0.25), expected);
}

}  // namespace
}  // namespace unroll
