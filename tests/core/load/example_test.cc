#include "core/load/example.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using testing::BytesOf;
using testing::IsError;
using testing::SafetensorsBuilder;
using testing::TempDirectory;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// I = 2, H = 3, L = 1, D = 2; C = 4 on each step.
ModelInfo Info(int64_t vocabulary_size = 0) {
  ModelInfo info;
  info.spec = {
      .input_size = 2, .hidden_size = 3, .num_layers = 1, .directions = 2};
  info.vocabulary_size = vocabulary_size;
  info.head = HeadSpec{.layers = {{4}}};
  return info;
}

absl::StatusOr<std::optional<Example>> LoadBytes(const std::string& bytes,
                                                 const ModelInfo& info) {
  TempDirectory directory;
  directory.Write("m/example.safetensors", bytes);
  return LoadExample(
      {.directory = directory / "m/1", .model_directory = directory / "m"},
      info);
}

absl::StatusOr<std::optional<Example>> Load(const SafetensorsBuilder& file,
                                            const ModelInfo& info = Info()) {
  return LoadBytes(file.Build(), info);
}

std::string Ids(const std::vector<int64_t>& ids) { return BytesOf(ids); }

TEST(LoadExampleTest, ReadsABatchOfFeatures) {
  ASSERT_OK_AND_ASSIGN(const std::optional<Example> example,
                       Load(SafetensorsBuilder()
                                .Add("input", {5, 7, 2})
                                .Add("h_0", {2, 5, 3})
                                .Add("hidden", {5, 7, 6})
                                .Add("h_n", {2, 5, 3})
                                .Add("scores", {5, 7, 4})));
  ASSERT_TRUE(example);
  EXPECT_EQ(example->sequences, 5);
  EXPECT_EQ(example->steps, 7);
  EXPECT_EQ(example->features.size(), 70u);
  EXPECT_EQ(example->h_0.values.size(), 30u);
  EXPECT_EQ(example->scores->values.size(), 140u);
}

TEST(LoadExampleTest, ReadsOneSequenceOfTokensWithoutN) {
  for (const char* dtype : {"I64", "I32"}) {
    const bool wide = dtype == std::string("I64");
    ASSERT_OK_AND_ASSIGN(
        const std::optional<Example> example,
        Load(SafetensorsBuilder()
                 .Add("tokens", dtype, {2},
                      wide ? Ids({8, 1}) : BytesOf<int32_t>({8, 1}))
                 .Add("h_n", {2, 3}),
             Info(9)));
    EXPECT_EQ(example->sequences, 1);
    EXPECT_EQ(example->tokens, (std::vector<int32_t>{8, 1}));
  }
}

TEST(LoadExampleTest, NoFileIsNoExample) {
  ASSERT_OK_AND_ASSIGN(
      const std::optional<Example> example,
      LoadExample({.directory = "/nowhere", .model_directory = "/nowhere"},
                  Info()));
  EXPECT_FALSE(example);
}

TEST(LoadExampleTest, RefusesWhatDoesNotFit) {
  const auto input = [](const Shape& shape) {
    return SafetensorsBuilder().Add("input", shape).Add("h_n", {2, 1, 3});
  };
  struct Case {
    SafetensorsBuilder file;
    std::string part;
    ModelInfo info = Info();
  };
  const Case cases[] = {
      {SafetensorsBuilder().Add("h_n", {2, 3}), "no tensor \"input\""},
      {SafetensorsBuilder().Add("input", {1, 7, 2}),
       "nothing to compare: no hidden, h_n or scores"},
      {input({1, 7, 3}),
       "tensor \"input\": shape [1,7,3], expected [N,T,2] or "
       "[T,2]"},
      {input({2}), "shape [2], expected [N,T,2]"},
      {input({1, 0, 2}), "shape [1,0,2], expected [N,T,2]"},
      {input({1, 4097, 2}),
       "1 sequences of 4097 steps, expected at most 4096 steps in all"},
      {input({1, 7, 2}).Add("score", {1}),
       "unknown tensor \"score\", known are \"h_0\""},
      {input({1, 7, 2}).Add("hidden", {1, 7, 3}),
       "tensor \"hidden\": shape [1,7,3], expected [1,7,6]"},
      {input({1, 7, 2}).Add("h_0", {2, 3}),
       "tensor \"h_0\": shape [2,3], expected [2,1,3]"},
      {input({1, 7, 2}).Add("scores", {1, 4}),
       "tensor \"scores\": shape [1,4], expected [1,7,4]"},
      {SafetensorsBuilder()
           .Add("input", "I64", {1, 2}, Ids({1, 2}))
           .Add("h_n", {2, 3}),
       "tensor \"input\": dtype I64, expected F32"},
      {SafetensorsBuilder()
           .Add("tokens", "I64", {2}, Ids({1, 2}))
           .Add("h_n", {2, 3}),
       "tensor \"tokens\", but the model takes \"input\""},
      {SafetensorsBuilder()
           .Add("tokens", "I64", {2}, Ids({1, 9}))
           .Add("h_n", {2, 3}),
       "tokens: element 1 is 9, expected 0 to 8", Info(9)},
      {SafetensorsBuilder()
           .Add("tokens", "I64", {2}, Ids({-1, 1}))
           .Add("h_n", {2, 3}),
       "tokens: element 0 is -1", Info(9)},
      {SafetensorsBuilder().Add("tokens", {2}).Add("h_n", {2, 3}),
       "tensor \"tokens\": dtype F32, expected I64 or I32", Info(9)},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Load(c.file, c.info), IsError(kInvalid, c.part));
  }
  ModelInfo headless = Info();
  headless.head.reset();
  EXPECT_THAT(Load(input({1, 7, 2}).Add("scores", {1, 7, 4}), headless),
              IsError(kInvalid,
                      "unknown tensor \"scores\", known are \"h_0\", "
                      "\"h_n\", \"hidden\", \"input\", \"tokens\" "
                      "(there is no head)"));
  EXPECT_THAT(LoadBytes("", Info()),
              IsError(kInvalid, "example.safetensors: 0 bytes"));
  EXPECT_THAT(LoadBytes(std::string((16 << 20) + 1, ' '), Info()),
              IsError(kInvalid, "bytes, expected at most 16777216"));
}

}  // namespace
}  // namespace unroll
