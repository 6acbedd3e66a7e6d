#include "core/load/tensor_roles.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::IsError;
using testing::IsOk;
using testing::RnnShapes;

using Tensors = std::vector<NamedShape>;

// An nn.RNN "rnn." that reads I = 4, and other tensors beside it.
struct Network {
  int64_t hidden_size = 8;  // H
  int64_t directions = 1;
  Tensors others;
};

absl::StatusOr<TensorRoles> Assign(const Network& network,
                                   const Config& config) {
  Tensors tensors = network.others;
  for (auto& [name, shape] :
       RnnShapes("rnn.", {.input_size = 4,
                         .hidden_size = network.hidden_size,
                         .num_layers = 1,
                         .directions = network.directions})) {
    tensors.push_back({name, shape});
  }
  ASSIGN_OR_RETURN(const SplitTensors split,
                   SplitIgnored(tensors, config.ignore, "config.json"));
  return AssignRoles(split, config, "f");
}

struct Understood {
  std::string what;
  Network network;
  std::string roles;  // "embedding V; head weight, bias C", or a part of it
  Config config = {};
};

std::string Summary(const TensorRoles& roles) {
  std::vector<std::string> parts;
  if (!roles.embedding.empty()) {
    parts.push_back(absl::StrCat(roles.embedding, " ", roles.vocabulary_size));
  }
  if (!roles.head.empty()) {
    parts.push_back(absl::StrCat("head ", roles.head[0].weight, " ",
                                 roles.head[0].bias, " ", roles.classes()));
  }
  return absl::StrJoin(parts, "; ");
}

TEST(AssignRolesTest, UnderstandsWhatIsClear) {
  const NamedShape kHead = {"fc.weight", {5, 8}};
  const NamedShape kHeadBias = {"fc.bias", {5}};
  const Understood cases[] = {
      {"a bare RNN", {}, ""},
      {"an embedding", {.others = {{"x.weight", {9, 4}}}}, "x.weight 9"},
      {"a head", {.others = {kHead, kHeadBias}}, "head fc.weight fc.bias 5"},
      {"a head without bias", {.others = {kHead}}, "head fc.weight  5"},
      {"all",
       {.others = {{"x.weight", {9, 4}}, kHead, kHeadBias}},
       "x.weight 9; head fc.weight fc.bias 5"},
      {"names without a module",
       {.others = {{"weight", {5, 8}}, {"bias", {5}}}},
       "head weight bias 5"},
      {"a head of both directions",
       {.directions = 2, .others = {{"fc.weight", {5, 16}}, kHeadBias}},
       "head fc.weight fc.bias 5"},
      {"I = D*H: a bias makes a head, a name an embedding",
       {.hidden_size = 4,
        .others = {{"embed.weight", {9, 4}},
                   {"x.weight", {5, 4}},
                   {"x.bias", {5}}}},
       "embed.weight 9; head x.weight x.bias 5"},
      {"I = D*H: names of torch's own language model",
       {.hidden_size = 4,
        .others = {{"encoder.weight", {9, 4}},
                   {"decoder.weight", {9, 4}},
                   {"decoder.bias", {9}}}},
       "encoder.weight 9; head decoder.weight decoder.bias 9"},
      {"I = D*H: the last part of a name counts",
       {.hidden_size = 4, .others = {{"encoder.output.weight", {9, 4}}}},
       "head encoder.output.weight  9"},
      {"a square embedding by name",
       {.others = {{"tok_emb.weight", {4, 4}}}},
       "tok_emb.weight 4"},
      {"I = D*H: the embedding is configured, so the other is the head",
       {.hidden_size = 4,
        .others = {{"a.weight", {9, 4}}, {"b.weight", {7, 4}}}},
       "a.weight 9; head b.weight  7",
       {.embedding = "a.weight"}},
      {"I = D*H: the head is configured, so the other is the embedding",
       {.hidden_size = 4,
        .others = {{"a.weight", {9, 4}}, {"b.weight", {7, 4}}}},
       "a.weight 9; head b.weight  7",
       {.head_prefix = "b."}},
      {"an embedding of any name",
       {.others = {{"table", {9, 4}}}},
       "table 9",
       {.embedding = "table"}},
      {"a head of any name",
       {.others = {{"W_weight", {9, 8}}, {"W_bias", {9}}}},
       "head W_weight W_bias 9",
       {.head_prefix = "W_"}},
      {"one of two heads ignored",
       {.others =
            {kHead, kHeadBias, {"aux.weight", {3, 8}}, {"aux.bias", {3}}}},
       "head fc.weight fc.bias 5",
       {.ignore = {"aux.*"}}},
      {"head ignored",
       {.others = {kHead, kHeadBias}},
       "",
       {.ignore = {"fc.*"}}},
  };
  for (const Understood& c : cases) {
    SCOPED_TRACE(c.what);
    ASSERT_OK_AND_ASSIGN(const TensorRoles roles, Assign(c.network, c.config));
    EXPECT_EQ(Summary(roles), c.roles);
  }
}

struct Refused {
  std::string what;
  Network network;
  std::string part;
  Config config = {};
};

void ExpectRefused(const std::vector<Refused>& cases) {
  for (const Refused& c : cases) {
    EXPECT_THAT(Assign(c.network, c.config),
                IsError(absl::StatusCode::kInvalidArgument, c.part))
        << c.what;
  }
}

TEST(AssignRolesTest, NeverGuesses) {
  ExpectRefused({
      {"two embeddings",
       {.others = {{"a.weight", {9, 4}}, {"b.weight", {7, 4}}}},
       "f: 2 tensors may be the embedding: \"a.weight\" [9,4], \"b.weight\" "
       "[7,4]; say which in config.json, as \"tensors\": {\"embedding\": "
       "\"a.weight\"}. Leave out others by \"ignore\", but only what "
       "results do not depend on; a network with two of them is not served "
       "yet"},
      {"two heads",
       {.others = {{"a.weight", {9, 8}},
                   {"a.bias", {9}},
                   {"b.weight", {7, 8}}}},
       "2 tensors may be the head: \"a.weight\" [9,8], \"b.weight\" [7,8]; say "
       "which in config.json, as \"tensors\": {\"head\": \"a.\"}"},
      {"I = D*H without bias and hint",
       {.hidden_size = 4, .others = {{"x.weight", {9, 4}}}},
       "tensor \"x.weight\" [9,4] may be an embedding, a head or another "
       "layer, "
       "which is not served; say which in config.json: \"tensors\": "
       "{\"embedding\": \"x.weight\"} or {\"head\": \"x.\"}"},
      {"the same beside a head",
       {.hidden_size = 4,
        .others = {{"x.weight", {9, 4}},
                   {"fc.weight", {5, 4}},
                   {"fc.bias", {5}}}},
       "tensor \"x.weight\" [9,4] may be"},
      {"square: may be a Linear before the RNN",
       {.others = {{"encoder.weight", {4, 4}}}},
       "tensor \"encoder.weight\" [4,4] may be"},
      {"square: a Linear in front of the head",
       {.hidden_size = 4,
        .others = {{"fc1.weight", {4, 4}},
                   {"fc2.weight", {5, 4}},
                   {"fc2.bias", {5}}}},
       "tensor \"fc1.weight\" [4,4] may be"},
  });
}

// [I,D*H] is the shape of a Linear in front of the nn.RNN, too.
TEST(AssignRolesTest, ALayerInFrontIsNeverTheHead) {
  for (const int64_t hidden_size : {4, 8}) {
    for (const bool biased : {true, false}) {
      for (const std::string name :
           {"input_proj", "encoder", "fc1", "fc_in", "linear1", "linear_in",
            "pre", "pre_fc", "proj_in", "inProj", "proj", "x", "0", "encoder.0",
            "input.linear"}) {
        Network network = {.hidden_size = hidden_size,
                           .others = {{name + ".weight", {4, hidden_size}}}};
        if (biased) network.others.push_back({name + ".bias", {4}});
        EXPECT_THAT(Assign(network, {}),
                    IsError(absl::StatusCode::kInvalidArgument,
                            absl::StrCat("\"", name, ".weight\" [4,",
                                         hidden_size, "] may be ")))
            << biased;
        ASSERT_OK_AND_ASSIGN(const TensorRoles roles,
                             Assign(network, {.head_prefix = name + "."}));
        EXPECT_EQ(roles.classes(), 4);
      }
    }
  }
}

TEST(AssignRolesTest, AHeadOfIClassesSaysSo) {
  for (const int64_t hidden_size : {4, 8}) {
    for (const std::string name :
         {"head", "fc_out", "fcOut", "out", "output", "classifier", "decoder",
          "proj_out", "lm_head", "out.proj", "classifier.1"}) {
      ASSERT_OK_AND_ASSIGN(
          const TensorRoles roles,
          Assign({.hidden_size = hidden_size,
                  .others = {{name + ".weight", {4, hidden_size}},
                             {name + ".bias", {4}}}},
                 {}));
      EXPECT_EQ(roles.head.at(0).weight, name + ".weight");
    }
  }
  // Forecasts: nn.RNN(1, 32) and Linear(32, 1).
  for (const std::string name : {"fc", "linear"}) {
    ASSERT_OK_AND_ASSIGN(
        const TensorRoles roles,
        Assign({.others = {{name + ".weight", {4, 8}}, {name + ".bias", {4}}}},
               {}));
    EXPECT_EQ(roles.head.at(0).weight, name + ".weight");
  }
  ExpectRefused(
      {{"a square fc",
        {.hidden_size = 4, .others = {{"fc.weight", {4, 4}}, {"fc.bias", {4}}}},
        "\"fc.weight\" [4,4] may be a head or another layer, which "
        "is not served; say which in config.json: \"tensors\": "
        "{\"head\": \"fc.\"}"}});
}

TEST(AssignRolesTest, ALinearWithoutBiasIsNoEmbedding) {
  std::vector<Refused> cases;
  for (const std::string name :
       {"fc", "linear", "head", "out", "skip", "residual", "proj", "dense",
        "embed_proj", "pos_embedding"}) {
    cases.push_back({name,
                     {.others = {{name + ".weight", {9, 4}}}},
                     absl::StrCat("\"", name,
                                  ".weight\" [9,4] may be an embedding or "
                                  "another layer, which is not served; say "
                                  "which in config.json: \"tensors\": "
                                  "{\"embedding\": \"",
                                  name, ".weight\"}")});
  }
  cases.push_back({"behind a layer of I rows",
                   {.others = {{"fc1.weight", {4, 8}},
                               {"fc1.bias", {4}},
                               {"fc2.weight", {9, 4}}}},
                   "\"fc1.weight\" [4,8] may be a head"});
  cases.push_back({"behind what is configured as the head",
                   {.others = {{"fc1.weight", {4, 8}},
                               {"fc1.bias", {4}},
                               {"x.weight", {9, 4}}}},
                   "\"x.weight\" [9,4] may be an embedding",
                   {.head_prefix = "fc1."}});
  cases.push_back({"behind a head by name of I rows",
                   {.others = {{"head.weight", {4, 8}},
                               {"head.bias", {4}},
                               {"x.weight", {9, 4}}}},
                   "\"x.weight\" [9,4] may be an embedding"});
  cases.push_back({"beside a head without a name",
                   {.others = {{"x.weight", {9, 4}},
                               {"y.weight", {5, 8}},
                               {"y.bias", {5}}}},
                   "\"x.weight\" [9,4] may be an embedding"});
  cases.push_back({"an embedding as wide as the output, and a Linear behind it",
                   {.others = {{"embed.weight", {9, 8}}}},
                   "\"embed.weight\" [9,8] may be a head"});
  ExpectRefused(cases);
}

TEST(AssignRolesTest, AStateIsNoHead) {
  for (const std::string name : {"h0", "init", "initial", "init_state", "hx"}) {
    EXPECT_THAT(Assign({.others = {{name + ".weight", {1, 8}}}}, {}),
                IsError(absl::StatusCode::kInvalidArgument,
                        absl::StrCat("\"", name, ".weight\" [1,8] may be")));
  }
}

TEST(AssignRolesTest, AnAttentionAndAGateAreNoHeads) {
  for (const std::string name : {"attn", "attention", "gate", "query"}) {
    const Network network = {.others = {{name + ".weight", {1, 8}}}};
    EXPECT_THAT(Assign(network, {}),
                IsError(absl::StatusCode::kInvalidArgument,
                        absl::StrCat("\"", name, ".weight\" [1,8] may be")));
    EXPECT_THAT(Assign(network, {.head_prefix = name + "."}), IsOk());
  }
}

TEST(AssignRolesTest, UsualNamesNeedNoConfig) {
  for (const int64_t hidden_size : {4, 8}) {
    for (const std::string embedding :
         {"embedding", "embed", "emb", "word_embeddings", "encoder"}) {
      for (const std::string head : {"fc", "head", "linear", "out", "decoder",
                                     "classifier", "proj", "x"}) {
        ASSERT_OK_AND_ASSIGN(
            const TensorRoles roles,
            Assign({.hidden_size = hidden_size,
                    .others = {{embedding + ".weight", {9, 4}},
                               {head + ".weight", {5, hidden_size}},
                               {head + ".bias", {5}}}},
                   {}));
        EXPECT_EQ(roles.vocabulary_size, 9);
        EXPECT_EQ(roles.classes(), 5);
      }
    }
  }
}

// nn.Sequential: modules are numbered in the order in which they run.
TEST(AssignRolesTest, NumbersSayTheOrder) {
  const auto assign = [](const Tensors& others, int64_t hidden_size) {
    Tensors tensors = others;
    for (auto& [name, shape] : RnnShapes(
             "net.1.",
             {.input_size = 4, .hidden_size = hidden_size, .num_layers = 1})) {
      tensors.push_back({name, shape});
    }
    return AssignRoles({.kept = tensors}, {}, "f");
  };
  for (const int64_t hidden_size : {4, 8}) {
    ASSERT_OK_AND_ASSIGN(const TensorRoles roles,
                         assign({{"net.0.weight", {9, 4}},
                                 {"net.2.weight", {4, hidden_size}},
                                 {"net.2.bias", {4}}},
                                hidden_size));
    EXPECT_EQ(roles.embedding, "net.0.weight");
    EXPECT_EQ(roles.head.at(0).weight, "net.2.weight");
    EXPECT_THAT(
        assign({{"net.0.weight", {4, hidden_size}}, {"net.0.bias", {4}}},
               hidden_size),
        IsError(absl::StatusCode::kInvalidArgument, "may be a head"));
  }
}

TEST(AssignRolesTest, EveryTensorIsUsedOrNamed) {
  const Tensors kHead = {{"fc.weight", {5, 8}}, {"fc.bias", {5}}};
  ExpectRefused({
      {"a hidden layer in the head",
       {.others = {{"fc1.weight", {6, 8}},
                   {"fc1.bias", {6}},
                   {"fc2.weight", {5, 6}},
                   {"fc2.bias", {5}}}},
       "f: 2 tensors are not used: \"fc2.weight\" [5,6], \"fc2.bias\" [5]; "
       "served are one nn.RNN (here rnn.*), one embedding [V,4] without bias "
       "and one head [C,8]"},
      {"a norm",
       {.others = {{"norm.weight", {8}}, {"norm.bias", {8}}}},
       "2 tensors are not used: \"norm.weight\" [8] (a normalisation layer), "
       "\"norm.bias\" [8]"},
      {"a Linear before the RNN",
       {.others = {{"in.weight", {4, 3}}, {"in.bias", {4}}}},
       "2 tensors are not used"},
      {"an initial state",
       {.others = {{"h0", {1, 8}}}},
       "1 tensor is not used: \"h0\" [1,8]"},
      {"a biased embedding",
       {.others = {{"e.weight", {9, 4}}, {"e.bias", {9}}}},
       "2 tensors are not used"},
      {"a lone bias", {.others = {{"fc.bias", {5}}}}, "\"fc.bias\" [5]"},
      {"a convolution",
       {.others = {{"c.weight", {5, 8, 1}}}},
       "\"c.weight\" [5,8,1]"},
      {"a head of one direction only",
       {.directions = 2, .others = kHead},
       "and one head [C,16]"},
      {"another RNN by the same config",
       {.others = {{"b.weight_ih_l0", {8, 4}}, {"b.weight_hh_l0", {8, 8}}}},
       "2 tensors are not used: \"b.weight_ih_l0\" [8,4]",
       {.rnn_prefixes = {"rnn."}}},
  });
}

TEST(AssignRolesTest, ConfiguredNamesMustFit) {
  const Tensors kOthers = {
      {"e.weight", {9, 4}}, {"fc.weight", {5, 8}}, {"fc.bias", {5}}};
  ExpectRefused({
      {"no such embedding",
       {.others = kOthers},
       "config.json's \"tensors\": {\"embedding\": \"e\"}: no tensor \"e\"; "
       "besides the nn.RNN's and those with a role or ignored there are "
       "\"e.weight\" [9,4]",
       {.embedding = "e"}},
      {"no such head",
       {.others = kOthers},
       "{\"head\": \"fc\"}: no tensor \"fcweight\"",
       {.head_prefix = "fc"}},
      {"an embedding of another width",
       {.others = kOthers},
       "tensor \"fc.weight\": shape [5,8], expected [V,4]",
       {.embedding = "fc.weight"}},
      {"a head of another width",
       {.others = kOthers},
       "tensor \"e.weight\": shape [9,4], expected [C,8]",
       {.head_prefix = "e."}},
      {"a tensor of the RNN",
       {},
       "no tensor \"rnn.weight_ih_l0\"",
       {.embedding = "rnn.weight_ih_l0"}},
      {"an ignored tensor",
       {.others = kOthers},
       "no tensor \"e.weight\"",
       {.embedding = "e.weight", .ignore = {"e.*"}}},
      {"a biased embedding",
       {.others = {{"e.weight", {9, 4}}, {"e.bias", {9}}}},
       "1 tensor is not used: \"e.bias\" [9]",
       {.embedding = "e.weight"}},
      {"a bias of another size",
       {.others = {{"fc.weight", {5, 8}}, {"fc.bias", {4}}}},
       "tensor \"fc.bias\": shape [4], expected [5]"},
      {"no tokens",
       {.others = {{"e.weight", {0, 4}}}},
       "tensor \"e.weight\": shape [0,4], expected [V,4]"},
      {"no classes",
       {.others = {{"fc.weight", {0, 8}}}},
       "tensor \"fc.weight\": shape [0,8], expected [C,8]"},
      {"more tokens than an id counts",
       {.others = {{"e.weight", {int64_t{1} << 31, 4}}}},
       "tensor \"e.weight\": shape [2147483648,4], expected [V,4]"},
  });
}

TEST(AssignRolesTest, APartOfWhatIsUsedCannotBeIgnored) {
  ExpectRefused({
      {"an RNN's biases",
       {},
       "tensor \"rnn.bias_ih_l0\" [8] matches config.json's \"ignore\", but is "
       "part of the nn.RNN, which is used",
       {.ignore = {"*bias*"}}},
      {"a head's bias",
       {.others = {{"fc.weight", {5, 8}}, {"fc.bias", {5}}}},
       "tensor \"fc.bias\" [5] matches config.json's \"ignore\", but is part "
       "of the head",
       {.ignore = {"fc.bias"}}},
      {"what an embedding does not have",
       {.others = {{"e.weight", {9, 4}}, {"e.bias", {9}}}},
       "tensor \"e.bias\" [9] matches config.json's \"ignore\", but is part of "
       "the embedding",
       {.embedding = "e.weight", .ignore = {"e.bias"}}},
      {"a biased Linear is no embedding without its bias",
       {.others = {{"e.weight", {9, 4}}, {"e.bias", {9}}}},
       "1 tensor is not used: \"e.weight\" [9,4]",
       {.ignore = {"e.bias"}}},
  });
}

}  // namespace
}  // namespace unroll
