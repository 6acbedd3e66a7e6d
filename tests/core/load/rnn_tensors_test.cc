#include "core/load/rnn_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using testing::IsError;
using testing::RnnShapes;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// The tensors of an nn.RNN, on which a test works some change.
class Tensors {
 public:
  Tensors(const std::string& prefix, const Spec& spec) { Add(prefix, spec); }
  Tensors& Add(const std::string& prefix, const Spec& spec) {
    for (auto& [name, shape] : RnnShapes(prefix, spec)) {
      list_.push_back({name, shape});
    }
    return *this;
  }
  Tensors& Set(const std::string& name, const Shape& shape) {
    Drop(name);
    list_.push_back({name, shape});
    return *this;
  }
  Tensors& Drop(const std::string& name) {
    std::erase_if(list_, [&](const NamedShape& t) { return t.name == name; });
    return *this;
  }
  operator const std::vector<NamedShape>&() const { return list_; }

 private:
  std::vector<NamedShape> list_;
};

TEST(FindRnnTest, ReadsEverythingFromNamesAndShapes) {
  for (const std::string prefix : {"", "rnn.", "model.encoder.rnn."}) {
    for (const int64_t layers : {1, 2, 11}) {
      for (const int64_t directions : {1, 2}) {
        for (const bool bias : {true, false}) {
          const Spec spec = {.input_size = 5,
                             .hidden_size = 3,
                             .num_layers = layers,
                             .directions = directions,
                             .bias = bias};
          ASSERT_OK_AND_ASSIGN(const RnnTensors rnn,
                               FindRnn(Tensors(prefix, spec), {}, "f"));
          EXPECT_THAT(rnn.prefixes, ElementsAre(prefix));
          EXPECT_EQ(rnn.spec.input_size, 5);
          EXPECT_EQ(rnn.spec.hidden_size, 3);
          EXPECT_EQ(rnn.spec.num_layers, layers);
          EXPECT_EQ(rnn.spec.directions, directions);
          EXPECT_EQ(rnn.spec.bias, bias);
          ASSERT_EQ(rnn.layers.size(), layers * directions);
          EXPECT_EQ(rnn.layers[0].weight_ih, prefix + "weight_ih_l0");
          EXPECT_EQ(rnn.layers[0].bias_hh, bias ? prefix + "bias_hh_l0" : "");
          if (directions == 2) {
            EXPECT_EQ(rnn.layers[1].weight_hh, prefix + "weight_hh_l0_reverse");
          }
        }
      }
    }
  }
}

TEST(FindRnnTest, RefusesWhatIsMissingOrOfAWrongShape) {
  const Spec kPlain = {.input_size = 5, .hidden_size = 3, .num_layers = 2};
  const Spec kBoth = {
      .input_size = 5, .hidden_size = 3, .num_layers = 2, .directions = 2};
  struct Case {
    std::string what;
    Tensors tensors;
    std::string part;
  };
  const Case cases[] = {
      {"nothing of an RNN", Tensors("", {}).Drop("").Set("w", {2}),
       "f: no nn.RNN: no tensor is named <prefix>weight_ih_l0 or "
       "<prefix>weight_ih; there is \"w\" "
       "[2]"},
      {"layer 0",
       Tensors("r.", kPlain)
           .Drop("r.weight_ih_l0")
           .Drop("r.weight_hh_l0")
           .Drop("r.bias_ih_l0")
           .Drop("r.bias_hh_l0"),
       "tensor \"r.weight_hh_l0\" is missing; the others of r.* make 2 layers, "
       "1 direction, with bias"},
      {"a layer in between",
       Tensors("r.", kPlain).Set("r.weight_ih_l3", {3, 3}),
       "tensor \"r.weight_hh_l2\" is missing"},
      {"one direction of one layer",
       Tensors("r.", kBoth).Drop("r.weight_hh_l1_reverse"),
       "tensor \"r.weight_hh_l1_reverse\" is missing"},
      {"the forward direction", Tensors("r.", kBoth).Drop("r.weight_ih_l1"),
       "tensor \"r.weight_ih_l1\" is missing"},
      {"one bias", Tensors("r.", kPlain).Drop("r.bias_hh_l1"),
       "tensor \"r.bias_hh_l1\" is missing"},
      {"all biases but one",
       Tensors(
           "r.",
           {.input_size = 5, .hidden_size = 3, .num_layers = 2, .bias = false})
           .Set("r.bias_ih_l1", {3}),
       "tensor \"r.bias_ih_l0\" is missing"},
      {"recurrent weights not square",
       Tensors("r.", kPlain).Set("r.weight_hh_l0", {4, 3}),
       "f: tensor \"r.weight_hh_l0\": shape [4,3], expected [3,3]"},
      {"recurrent weights of another layer",
       Tensors("r.", kPlain).Set("r.weight_hh_l1", {3, 4}),
       "tensor \"r.weight_hh_l1\": shape [3,4], expected [3,3]"},
      {"no matrix", Tensors("r.", kPlain).Set("r.weight_hh_l0", {9}),
       "tensor \"r.weight_hh_l0\": shape [9], expected [H,H]"},
      {"H is 0", Tensors("r.", kPlain).Set("r.weight_hh_l0", {0, 0}),
       "tensor \"r.weight_hh_l0\": shape [0,0], expected [H,H]"},
      {"I is 0", Tensors("r.", kPlain).Set("r.weight_ih_l0", {3, 0}),
       "tensor \"r.weight_ih_l0\": shape [3,0], expected [3,I]"},
      {"input weights' rows",
       Tensors("r.", kPlain).Set("r.weight_ih_l0", {2, 5}),
       "tensor \"r.weight_ih_l0\": shape [2,5], expected [3,I]"},
      {"second layer reads H",
       Tensors("r.", kPlain).Set("r.weight_ih_l1", {3, 5}),
       "tensor \"r.weight_ih_l1\": shape [3,5], expected [3,3]"},
      {"second layer reads 2 H",
       Tensors("r.", kBoth).Set("r.weight_ih_l1_reverse", {3, 3}),
       "tensor \"r.weight_ih_l1_reverse\": shape [3,3], expected [3,6]"},
      {"directions read different I",
       Tensors("r.", kBoth).Set("r.weight_ih_l0_reverse", {3, 6}),
       "tensor \"r.weight_ih_l0_reverse\": shape [3,6], expected [3,5]"},
      {"bias", Tensors("r.", kPlain).Set("r.bias_ih_l1", {3, 1}),
       "tensor \"r.bias_ih_l1\": shape [3,1], expected [3]"},
      {"two of them", Tensors("a.", kPlain).Add("b.", kPlain),
       "2 nn.RNNs, with the prefixes \"a.\", \"b.\". If each "
       "reads the one before, list them in that order: \"tensors\": "
       "{\"rnn\": [...]} in config.json. One alone is served by "
       "\"tensors\": {\"rnn\": \"a.\"}. Leave out others by "
       "\"ignore\", but only what results do not depend on; a network with two "
       "of them is not served yet"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(FindRnn(c.tensors, {}, "f"), IsError(kInvalid, c.part))
        << c.what;
  }
}

TEST(FindRnnTest, SaysThatAGruOrLstmIsNotServedYet) {
  const auto gated = [](int64_t gates, const std::string& end) {
    return Tensors("c.", {.input_size = 5, .hidden_size = 3, .num_layers = 0})
        .Set("c.weight_ih_l0" + end, {gates * 3, 5})
        .Set("c.weight_hh_l0" + end, {gates * 3, 3})
        .Set("c.bias_ih_l0" + end, {gates * 3})
        .Set("c.bias_hh_l0" + end, {gates * 3});
  };
  const auto kUnimplemented = absl::StatusCode::kUnimplemented;
  EXPECT_THAT(FindRnn(gated(3, ""), {}, "f"),
              IsError(kUnimplemented,
                      "f: tensor \"c.weight_hh_l0\" [9,3]: this is a GRU, "
                      "which is not served yet"));
  EXPECT_THAT(FindRnn(gated(4, ""), {}, "f"),
              IsError(kUnimplemented,
                      "f: tensor \"c.weight_hh_l0\" [12,3]: this is an LSTM, "
                      "which is not served yet"));
  EXPECT_THAT(FindRnn(gated(4, "").Set("c.weight_hr_l0", {2, 3}), {}, "f"),
              IsError(kUnimplemented, "an LSTM with projections"));
}

TEST(FindRnnTest, TheConfiguredPrefixSettlesIt) {
  const Spec spec = {.input_size = 5, .hidden_size = 3, .num_layers = 1};
  const Tensors tensors = Tensors("a.", spec).Add("b.", spec);
  ASSERT_OK_AND_ASSIGN(const RnnTensors rnn, FindRnn(tensors, {"b."}, "f"));
  EXPECT_THAT(rnn.prefixes, ElementsAre("b."));
  EXPECT_THAT(FindRnn(tensors, {"b"}, "f"),
              IsError(kInvalid,
                      "{\"rnn\": \"b\"} is no prefix of an nn.RNN; those are "
                      "\"a.\", \"b.\""));
}

TEST(RnnPrefixTest, KnowsTheNamesOfTorch) {
  struct Case {
    std::string_view name;
    std::optional<std::string_view> prefix;
  };
  const Case cases[] = {
      {"weight_ih_l0", ""},
      {"rnn.bias_hh_l12_reverse", "rnn."},
      {"a.b.weight_hr_l3", "a.b."},
      {"a.weight_ih_l0.weight_hh_l1", "a.weight_ih_l0."},
      {"weight_ih", ""},
      {"weight_ih_l", std::nullopt},
      {"weight_ih_l01", std::nullopt},
      {"weight_ih_l1x", std::nullopt},
      {"weight_ih_l-1", std::nullopt},
      {"weight_ih_l99999999999999999999", std::nullopt},
      {"weight_ih_l0_backward", std::nullopt},
      {"weight_xh_l0", std::nullopt},
      {"_reverse", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(RnnPrefix(c.name), c.prefix) << c.name;
  }
}

}  // namespace
}  // namespace unroll
