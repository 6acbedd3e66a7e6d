// How a model is run: kernel, precision, token table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/predict.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::Predict;
using unroll::testing::SafetensorsBuilder;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::Values;

constexpr Spec kSpec = {.input_size = 8, .hidden_size = 48, .num_layers = 2};

// Small enough numbers that tanh does not hide what rounding does.
std::string Weights() {
  SafetensorsBuilder builder;
  for (const auto& [name, shape] : unroll::testing::RnnShapes("rnn.", kSpec)) {
    int64_t count = 1;
    for (const int64_t dimension : shape) count *= dimension;
    std::vector<float> values = unroll::testing::NumbersOf(name, count);
    for (float& value : values) value *= 0.1371f;
    builder.AddF32(name, shape, values);
  }
  return builder.Build();
}

v1::GetModelResponse GetModel(const ServerProcess& server,
                              const std::string& name) {
  grpc::ClientContext context;
  v1::GetModelRequest request;
  v1::GetModelResponse response;
  request.set_name(name);
  EXPECT_TRUE(server.Models()->GetModel(&context, request, &response).ok());
  return response;
}

std::vector<float> Hidden(const ServerProcess& server,
                          v1::PredictRequest request,
                          const std::string& model) {
  request.set_model(model);
  const auto reply = Predict(server, request);
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  return Values(reply.response.results(0).hidden());
}

v1::PredictRequest FeatureRequest() {
  v1::PredictRequest request;
  v1::Tensor& features = *request.add_sequences()->mutable_features();
  features.add_shape(20);
  features.add_shape(kSpec.input_size);
  features.set_data(unroll::testing::BytesOf(
      unroll::testing::NumbersOf("features", 20 * kSpec.input_size)));
  return request;
}

TEST(KernelTest, Bfloat16IsRefusedWhereTheCpuHasNone) {
  TempDirectory directory;
  directory.Write("half/model.safetensors", Weights());
  directory.Write("half/config.json", R"({"precision": "bfloat16"})");
  ServerProcess server(directory.path(), {"--ready=any"},
                       {.environment = {"ONEDNN_MAX_CPU_ISA=AVX2"}});
  server.WaitUntilLoaded();
  EXPECT_THAT(server.process().output(),
              HasSubstr("\"precision\": \"bfloat16\" needs a CPU with "
                        "AVX512_BF16, and this one has none"));
}

TEST(KernelTest, KernelAndPrecisionAreTheModelsOwnAndTold) {
  if (!__builtin_cpu_supports("avx512bf16")) {
    GTEST_SKIP() << "this CPU has no bfloat16";
  }
  TempDirectory directory;
  const std::string weights = Weights();
  const auto write = [&](const std::string& name, const std::string& config) {
    directory.Write(name + "/model.safetensors", weights);
    directory.Write(name + "/config.json", config);
  };
  write("plain", "{}");
  write("half", R"({"precision": "bfloat16"})");
  write("reference", R"({"kernel": "primitive"})");
  write("both", R"({"kernel": "primitive", "precision": "bfloat16"})");
  write("quarter", R"({"precision": "float8"})");
  ServerProcess server(directory.path(), {"--ready=any"});
  server.WaitUntilLoaded();

  const auto plain = GetModel(server, "plain"), half = GetModel(server, "half");
  const auto reference = GetModel(server, "reference");
  EXPECT_EQ(plain.kernel(), "split");
  EXPECT_EQ(plain.numerics(), "float32-1");
  EXPECT_TRUE(plain.exact());
  EXPECT_EQ(half.kernel(), "split");
  EXPECT_EQ(half.numerics(), "bfloat16-2");
  EXPECT_TRUE(half.exact());
  EXPECT_LT(half.memory_bytes().at("rnn"),
            plain.memory_bytes().at("rnn") * 0.6);
  EXPECT_EQ(half.fingerprint(), plain.fingerprint()) << "the same weights";
  EXPECT_EQ(reference.kernel(), "primitive");
  EXPECT_THAT(reference.numerics(), HasSubstr("onednn-"));
  EXPECT_FALSE(reference.exact());
  EXPECT_GT(reference.memory_bytes().at("primitives"), 0);

  const std::string log = server.process().output();
  EXPECT_THAT(log, HasSubstr("split kernel, numerics bfloat16-2"));
  EXPECT_THAT(log, HasSubstr("\"precision\": \"bfloat16\" needs the split "
                             "kernel, but \"primitive\" is asked for"));
  EXPECT_THAT(log, HasSubstr("\"precision\": is \"float8\", expected one of "
                             "\"float32\", \"bfloat16\""));
  EXPECT_EQ(server.Metric("unroll_model_info",
                          "kernel=\"split\",numerics=\"bfloat16-2\""),
            1);

  const std::vector<float> want = Hidden(server, FeatureRequest(), "plain");
  const std::vector<float> rounded = Hidden(server, FeatureRequest(), "half");
  const std::vector<float> other =
      Hidden(server, FeatureRequest(), "reference");
  float most = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    most = std::max(most, std::abs(rounded[i] - want[i]));
    EXPECT_NEAR(other[i], want[i], 1e-5);
  }
  EXPECT_GT(most, 1e-5) << "nothing was rounded";
  EXPECT_LT(most, 2e-2);
}

TEST(KernelTest, ATokenTableChangesNoBitAndTakesTheEmbeddingsPlace) {
  const ServerProcess with(UNROLL_SOURCE_DIR "/models");
  const ServerProcess without(UNROLL_SOURCE_DIR "/models",
                              {"--token-table-limit=0"});
  const auto parts = GetModel(with, "langid").memory_bytes();
  EXPECT_TRUE(parts.contains("token_table"));
  EXPECT_FALSE(parts.contains("embedding"));
  const auto plain = GetModel(without, "langid").memory_bytes();
  EXPECT_FALSE(plain.contains("token_table"));
  EXPECT_TRUE(plain.contains("embedding"));
  v1::PredictRequest request;
  request.add_sequences()->set_text("one and the same");
  EXPECT_EQ(Hidden(with, request, "langid"),
            Hidden(without, request, "langid"));
}

}  // namespace
}  // namespace unroll
