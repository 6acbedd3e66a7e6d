// The Models service: what is served, what failed, and why.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::Predict;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

v1::GetModelResponse GetModel(const ServerProcess& server,
                              const std::string& name, int64_t version,
                              grpc::Status& status) {
  v1::GetModelRequest request;
  request.set_name(name);
  request.set_version(version);
  v1::GetModelResponse response;
  grpc::ClientContext context;
  status = server.Models()->GetModel(&context, request, &response);
  return response;
}

// Two versions of a model of which the higher one is broken, and a model that
// fails altogether.
std::string MakeRepository(const std::string& directory) {
  std::filesystem::create_directory(directory + "/two");
  std::filesystem::copy(std::string(UNROLL_MODELS) + "/langid",
                        directory + "/two",
                        std::filesystem::copy_options::recursive |
                            std::filesystem::copy_options::overwrite_existing);
  std::filesystem::create_directory(directory + "/two/2");
  std::ofstream(directory + "/two/2/model.safetensors") << "rubbish";
  std::filesystem::create_directory(directory + "/broken");
  std::ofstream(directory + "/broken/model.safetensors") << "rubbish";
  return directory;
}

class ModelsTest : public ::testing::Test {
 protected:
  TempDirectory directory_;
  ServerProcess server_{MakeRepository(directory_.path())};
};

TEST_F(ModelsTest, ListModelsTellsAllVersionsAndTheirState) {
  v1::ListModelsResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(server_.Models()
                  ->ListModels(&context, v1::ListModelsRequest(), &response)
                  .ok());
  ASSERT_EQ(response.models_size(), 3);
  const auto& broken = response.models(0);
  EXPECT_EQ(broken.name(), "broken");
  EXPECT_EQ(broken.state(), v1::FAILED);
  EXPECT_THAT(broken.error(), HasSubstr("model.safetensors"));
  EXPECT_FALSE(broken.is_default());
  EXPECT_EQ(response.models(1).version(), 2);
  EXPECT_EQ(response.models(1).state(), v1::FAILED);
  EXPECT_FALSE(response.models(1).is_default());
  EXPECT_EQ(response.models(2).version(), 1);
  EXPECT_EQ(response.models(2).state(), v1::READY);
  EXPECT_TRUE(response.models(2).is_default());
  EXPECT_THAT(response.models(2).summary(), HasSubstr("RNN(tanh)"));
}

TEST_F(ModelsTest, TheHighestVersionThatLoadedAnswers) {
  v1::PredictRequest request;
  request.set_model("two");
  request.add_sequences()->set_text("hello");
  const auto reply = Predict(server_, request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.response.version(), 1);
  EXPECT_THAT(server_.process().output(),
              HasSubstr("model \"two\": the highest version did not load"));
  EXPECT_EQ(server_.Metric("unroll_model_state",
                           "model=\"two\",version=\"2\",state=\"failed\""),
            1);
}

TEST_F(ModelsTest, AVersionThatDidNotLoadSaysWhy) {
  for (const auto& [name, version] :
       {std::pair<std::string, int>{"two", 2}, {"broken", 0}}) {
    grpc::Status status;
    GetModel(server_, name, version, status);
    EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(), HasSubstr("model.safetensors"));
  }
}

TEST_F(ModelsTest, AnUnknownModelListsTheKnownOnes) {
  grpc::Status status;
  GetModel(server_, "nope", 0, status);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("broken, two"));
}

TEST_F(ModelsTest, GetModelTellsFactsAndWhereTheyComeFrom) {
  grpc::Status status;
  const auto model = GetModel(server_, "two", 0, status);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(model.version(), 1);
  EXPECT_EQ(model.spec().cell(), "rnn");
  EXPECT_EQ(model.spec().directions(), 1);
  EXPECT_TRUE(model.takes_text());
  EXPECT_TRUE(model.incremental());
  EXPECT_EQ(model.head().labels_size(), model.head().classes());
  EXPECT_EQ(model.kernel(), "split");
  EXPECT_TRUE(model.exact());
  EXPECT_EQ(model.numerics(), "float32-1");
  EXPECT_EQ(model.fingerprint().size(), 64u);
  EXPECT_GT(model.memory_bytes().at("rnn"), 0);
  bool found = false;
  for (const auto& fact : model.facts()) {
    if (fact.name() != "nonlinearity") continue;
    found = true;
    EXPECT_EQ(fact.value(), "tanh");
    EXPECT_EQ(fact.source(), v1::Fact::CONFIGURED);
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace unroll
