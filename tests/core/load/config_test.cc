#include "core/load/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using testing::IsError;
using testing::IsOk;

TEST(ParseConfigTest, NothingSaidIsNothing) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig("{}", "config.json"));
  EXPECT_FALSE(config.nonlinearity);
  EXPECT_FALSE(config.has_head);
  EXPECT_FALSE(config.vocabulary);
  EXPECT_TRUE(config.rnn_prefixes.empty());
  EXPECT_TRUE(config.ignore.empty());
  EXPECT_FALSE(config.kernel);
}

TEST(ParseConfigTest, ReadsEveryKey) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(R"({
    "nonlinearity": "relu",
    "head": {"activation": "log_softmax", "applied_to": "h_n"},
    "vocabulary": "words.txt", "labels": "classes.txt",
    "tokenizer": "characters", "unknown_token": "<unk>", "blank_token": " ",
    "tensors": {"rnn": "", "embedding": "e.weight", "head": "fc."},
    "ignore": ["aux.*", "?"], "kernel": "primitive"})",
                                                        "config.json"));
  EXPECT_EQ(config.nonlinearity, Nonlinearity::kRelu);
  EXPECT_TRUE(config.has_head);
  EXPECT_EQ(config.activation, Activation::kLogSoftmax);
  EXPECT_EQ(config.applied_to, AppliedTo::kFinalState);
  EXPECT_EQ(config.vocabulary, "words.txt");
  EXPECT_EQ(config.labels, "classes.txt");
  EXPECT_EQ(config.tokenizer, Tokenizer::kCharacters);
  EXPECT_EQ(config.unknown_token, "<unk>");
  EXPECT_EQ(config.blank_token, " ");
  EXPECT_EQ(config.rnn_prefixes, std::vector<std::string>{""});
  EXPECT_EQ(config.embedding, "e.weight");
  EXPECT_EQ(config.head_prefix, "fc.");
  EXPECT_THAT(config.ignore, ElementsAre("aux.*", "?"));
  EXPECT_EQ(config.kernel, KernelChoice::kPrimitive);
}

TEST(ParseConfigTest, KnowsEveryWord) {
  for (const char* text : {
           R"({"nonlinearity": "tanh"})",
           R"({"head": {}})",
           R"({"head": {"activation": "identity"}})",
           R"({"head": {"activation": "tanh"}})",
           R"({"head": {"activation": "relu"}})",
           R"({"head": {"activation": "sigmoid"}})",
           R"({"head": {"activation": "softmax"}})",
           R"({"head": {"applied_to": "each_step"}})",
           R"({"head": {"applied_to": "last_step"}})",
           R"({"tokenizer": "words"})",
           R"({"kernel": "auto"})",
       }) {
    EXPECT_THAT(ParseConfig(text, "config.json"), IsOk()) << text;
  }
}

TEST(ParseConfigTest, RefusesMistakesByKey) {
  struct Case {
    std::string text;
    std::string part;
  };
  const Case cases[] = {
      {"", "config.json: line 1, byte 0"},
      {"{\"kernel\": }", "config.json: line 1, byte 12"},
      {"[]", "config.json: is an array, expected an object"},
      {R"({"kernel": "auto", "kernel": "auto"})", "\"kernel\" appears twice"},
      {R"({"nonlinear": "relu"})",
       "config.json: unknown key \"nonlinear\", known are \"nonlinearity\", "
       "\"head\", \"vocabulary\", \"labels\", \"tokenizer\", "
       "\"unknown_token\", \"blank_token\", \"tensors\", \"input\", "
       "\"ignore\", "
       "\"kernel\""},
      {R"({"nonlinearity": "gelu"})",
       "config.json: \"nonlinearity\": is \"gelu\", expected one of \"tanh\", "
       "\"relu\""},
      {R"({"nonlinearity": 1})",
       "\"nonlinearity\": is a whole number, expected a string"},
      {R"({"nonlinearity": null})", "is null, expected a string"},
      {R"({"nonlinearity": "Tanh"})", "is \"Tanh\", expected one of"},
      {R"({"head": "softmax"})",
       "config.json: \"head\": is a string, expected an object"},
      {R"({"head": {"activations": "softmax"}})",
       "\"head\": unknown key \"activations\", known are \"activation\", "
       "\"applied_to\", \"layers\""},
      {R"({"head": {"layers": {}}})",
       "\"head\": \"layers\": is an object, expected an array of objects"},
      {R"({"head": {"layers": []}})",
       "\"layers\": 0 layers, expected 1 to 100"},
      {R"({"head": {"layers": [{"tensors": "a."}, {"activation": "relu"}]}})",
       "\"head\": \"layers\": [1]: \"tensors\" is missing"},
      {R"({"head": {"layers": [{"tensors": "a."}], "activation": "tanh"}})",
       "\"head\": \"activation\" beside \"layers\": each layer says its own"},
      {R"({"head": {"layers": [{"tensors": "a."}]}, "tensors": {"head": "a."}})",
       "\"tensors\": {\"head\"} beside \"head\": {\"layers\"}, expected one of "
       "them"},
      {R"({"input": {"mean": "0"}})",
       "\"input\": \"mean\": is a string, expected a number or an array"},
      {R"({"input": {"mean": []}})", "\"mean\": is empty, expected numbers"},
      {R"({"input": {"mean": [1, null]}})",
       "\"mean\": [1] is null, expected a number"},
      {R"({"input": {"mean": [1, 2, 1e39]}})",
       "\"mean\": [2] is 1e+39, past what float32 holds"},
      {R"({"input": {"std": [1, 0]}})",
       "\"input\": \"std\": 0, expected more than 0"},
      {R"({"input": {"std": 1e-60}})", "\"std\": 0, expected more than 0"},
      {R"({"input": {"mean": 1}, "tensors": {"input_mean": "mean"}})",
       "\"tensors\": {\"input_mean\"} beside \"input\": {\"mean\"}"},
      {R"({"input": {"std": 1}, "tensors": {"input_std": "std"}})",
       "\"tensors\": {\"input_std\"} beside \"input\": {\"std\"}"},
      {R"({"tensors": {"rnn": []}})", "\"rnn\": is empty, expected a prefix"},
      {R"({"tensors": {"rnn": ["a", 1]}})", "\"rnn\": is a whole number"},
      {R"({"head": {"activation": "soft"}})",
       "\"head\": \"activation\": is \"soft\", expected one of \"identity\", "
       "\"tanh\", \"relu\", \"sigmoid\", \"softmax\", \"log_softmax\""},
      {R"({"head": {"applied_to": "all"}})",
       "\"head\": \"applied_to\": is \"all\", expected one of \"each_step\", "
       "\"last_step\", \"h_n\", \"mean\", \"max\""},
      {R"({"vocabulary": true})", "\"vocabulary\": is a boolean"},
      {R"({"vocabulary": ""})", "\"vocabulary\": \"\" is not a plain file"},
      {R"({"vocabulary": "../v.txt"})", "\"../v.txt\" is not a plain file"},
      {R"({"labels": ".."})", "\"labels\": \"..\" is not a plain file name"},
      {R"({"labels": "/etc/passwd"})", "is not a plain file name"},
      {R"({"labels": "a\u0000b"})", "is not a plain file name"},
      {R"({"tokenizer": "bytes"})",
       "\"tokenizer\": is \"bytes\", expected one of \"words\", "
       "\"characters\""},
      {R"({"unknown_token": 0})", "\"unknown_token\": is a whole number"},
      {R"({"blank_token": []})", "\"blank_token\": is an array"},
      {R"({"tensors": []})", "\"tensors\": is an array, expected an object"},
      {R"({"tensors": {"gru": ""}})", "\"tensors\": unknown key \"gru\""},
      {R"({"tensors": {"rnn": 1}})", "\"tensors\": \"rnn\": is a whole number"},
      {R"({"tensors": {"head": {}}})", "\"tensors\": \"head\": is an object"},
      {R"({"tensors": {"embedding": 1.5}})", "\"embedding\": is a number"},
      {R"({"ignore": "a.*"})",
       "\"ignore\": is a string, expected an array of strings"},
      {R"({"ignore": ["a", 1]})", "\"ignore\": is a whole number"},
      {R"({"kernel": "fast"})",
       "\"kernel\": is \"fast\", expected one of \"auto\", \"primitive\", "
       "\"split\""},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ParseConfig(c.text, "config.json"),
                IsError(absl::StatusCode::kInvalidArgument, c.part))
        << c.text;
  }
}

TEST(ParseConfigTest, BoundsTheNumberOfPatterns) {
  std::string text = "{\"ignore\": [\"a\"";
  for (int i = 0; i < 100; ++i) text += ",\"a\"";
  EXPECT_THAT(ParseConfig(text + "]}", "config.json"),
              IsError(absl::StatusCode::kInvalidArgument,
                      "101 patterns, expected at most 100"));
}

TEST(ParseConfigTest, RefusesLongPatterns) {
  const auto parse = [](size_t bytes) {
    const std::string pattern(bytes, 'x');
    return ParseConfig("{\"ignore\": [\"" + pattern + "\"]}", "c");
  };
  EXPECT_THAT(parse(1000), testing::IsOk());
  EXPECT_THAT(parse(1001),
              IsError(absl::StatusCode::kInvalidArgument,
                      "...\" has 1001 bytes, expected at most 1000"));
}

}  // namespace
}  // namespace unroll
