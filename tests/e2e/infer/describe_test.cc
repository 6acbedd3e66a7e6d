// What the Open Inference Protocol's clients ask before and beside inference.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/infer.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using unroll::testing::Infer;
using unroll::testing::InferRequest;
using unroll::testing::ModelInfer;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

const golden::Case& FeatureCase() {
  return golden::FindCase("softmax_last_step_d2_nobias_c2_v0_h2");
}

// Two versions of one model, one that fails to load, and langid.
std::string Repository(const std::string& directory) {
  for (const char* version : {"/1", "/3"}) {
    const std::string folder = directory + "/" + FeatureCase().name + version;
    golden::WriteModelFolder(FeatureCase(), folder);
  }
  std::filesystem::create_directories(directory + "/broken");
  std::ofstream(directory + "/broken/model.safetensors") << "nonsense";
  std::filesystem::create_directory_symlink(
      std::string(UNROLL_MODELS) + "/langid", directory + "/langid");
  return directory;
}

class InferDescribeTest : public ::testing::Test {
 protected:
  template <typename Request, typename Response>
  grpc::Status Call(
      grpc::Status (inference::GRPCInferenceService::Stub::*method)(
          grpc::ClientContext*, const Request&, Response*),
      const Request& request, Response& response) {
    grpc::ClientContext context;
    return ((*stub_).*method)(&context, request, &response);
  }
  using Stub = inference::GRPCInferenceService::Stub;

  bool Ready() {
    inference::ServerReadyResponse response;
    Call(&Stub::ServerReady, inference::ServerReadyRequest(), response);
    return response.ready();
  }
  bool Ready(const std::string& model, const std::string& version = "") {
    inference::ModelReadyRequest request;
    request.set_name(model);
    request.set_version(version);
    inference::ModelReadyResponse response;
    EXPECT_TRUE(Call(&Stub::ModelReady, request, response).ok());
    return response.ready();
  }

  TempDirectory directory_;
  ServerProcess server_{Repository(directory_.path()),
                        {"--ready=any", "--max-batch-rows=7"}};
  std::unique_ptr<Stub> stub_ = Infer(server_);
};

TEST_F(InferDescribeTest, ReadinessIsThatOfTheHealthService) {
  inference::ServerLiveResponse live;
  Call(&Stub::ServerLive, inference::ServerLiveRequest(), live);
  EXPECT_TRUE(live.live());
  EXPECT_TRUE(Ready());
  EXPECT_TRUE(Ready("langid"));
  EXPECT_TRUE(Ready(FeatureCase().name, "3"));
  EXPECT_FALSE(Ready(FeatureCase().name, "2"));
  EXPECT_FALSE(Ready("broken"));
  EXPECT_FALSE(Ready("nope"));
  const ServerProcess strict(directory_.path());
  stub_ = Infer(strict);
  EXPECT_FALSE(Ready()) << "one model did not load";
}

TEST_F(InferDescribeTest, TheServerListsOnlyWhatWorks) {
  inference::ServerMetadataResponse response;
  Call(&Stub::ServerMetadata, inference::ServerMetadataRequest(), response);
  EXPECT_EQ(response.name(), "unroll");
  EXPECT_THAT(
      response.extensions(),
      UnorderedElementsAre("binary_tensor_data", "classification", "sequence",
                           "sequence(string_id)", "schedule_policy",
                           "model_configuration", "statistics"));
}

TEST_F(InferDescribeTest, AModelSaysWhatItTakesAndGives) {
  inference::ModelMetadataRequest request;
  request.set_name(FeatureCase().name);
  inference::ModelMetadataResponse response;
  ASSERT_TRUE(Call(&Stub::ModelMetadata, request, response).ok());
  EXPECT_EQ(response.name(), FeatureCase().name);
  EXPECT_THAT(response.versions(), UnorderedElementsAre("1", "3"));
  ASSERT_EQ(response.inputs_size(), 1);
  EXPECT_EQ(response.inputs(0).name(), "input");
  EXPECT_EQ(response.inputs(0).datatype(), "FP32");
  EXPECT_THAT(response.inputs(0).shape(), ElementsAre(-1, -1, 12));
  ASSERT_EQ(response.outputs_size(), 3);
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(-1, -1, 4));
  EXPECT_THAT(response.outputs(1).shape(), ElementsAre(-1, 2, 2));
  EXPECT_THAT(response.outputs(2).shape(), ElementsAre(-1, 2));
  EXPECT_EQ(response.properties().at("optional_inputs"),
            "lengths INT64 [N]; h_0 FP32 [N,2,2]");
  EXPECT_EQ(response.properties().at("fingerprint").size(), 64u);
  request.set_version("2");
  EXPECT_EQ(Call(&Stub::ModelMetadata, request, response).error_code(),
            grpc::NOT_FOUND);
}

TEST_F(InferDescribeTest, TheConfigurationNamesTheSameTensorsWithoutTheBatch) {
  inference::ModelConfigRequest request;
  request.set_name("langid");
  inference::ModelConfigResponse response;
  ASSERT_TRUE(Call(&Stub::ModelConfig, request, response).ok());
  const inference::ModelConfig& config = response.config();
  EXPECT_EQ(config.name(), "langid");
  EXPECT_EQ(config.max_batch_size(), 7);
  ASSERT_EQ(config.input_size(), 1);
  EXPECT_EQ(config.input(0).name(), "tokens");
  EXPECT_EQ(config.input(0).data_type(), inference::TYPE_INT64);
  EXPECT_THAT(config.input(0).dims(), ElementsAre(-1));
  EXPECT_EQ(config.output_size(), 3);
  EXPECT_TRUE(config.has_dynamic_batching());
  EXPECT_FALSE(config.model_transaction_policy().decoupled());
}

TEST_F(InferDescribeTest, LoadGeneratorsCanBeToldToSendSequences) {
  const ServerProcess server(
      directory_.path(),
      {"--model-config-scheduler=sequence", "--idle-timeout=3s"});
  stub_ = Infer(server);
  inference::ModelConfigRequest request;
  request.set_name("langid");
  inference::ModelConfigResponse response;
  ASSERT_TRUE(Call(&Stub::ModelConfig, request, response).ok());
  EXPECT_EQ(
      response.config().sequence_batching().max_sequence_idle_microseconds(),
      3000000u);
  request.set_name(FeatureCase().name);
  ASSERT_TRUE(Call(&Stub::ModelConfig, request, response).ok());
  EXPECT_TRUE(response.config().has_dynamic_batching())
      << "a model that runs backward has no sequences to go on";
}

TEST_F(InferDescribeTest, StatisticsCountRequestsByVersion) {
  inference::ModelStatisticsRequest request;
  inference::ModelStatisticsResponse response;
  ASSERT_TRUE(Call(&Stub::ModelStatistics, request, response).ok());
  EXPECT_EQ(response.model_stats_size(), 3) << "of all that are served";

  auto infer = InferRequest(FeatureCase(), 2);
  ASSERT_TRUE(ModelInfer(server_, infer).status.ok());
  infer.set_model_version("1");
  ASSERT_TRUE(ModelInfer(server_, infer).status.ok());
  ASSERT_TRUE(ModelInfer(server_, infer).status.ok());
  infer.clear_inputs();
  ASSERT_FALSE(ModelInfer(server_, infer).status.ok());
  request.set_name(FeatureCase().name);
  request.set_version("1");
  response.Clear();
  ASSERT_TRUE(Call(&Stub::ModelStatistics, request, response).ok());
  ASSERT_EQ(response.model_stats_size(), 1);
  const inference::ModelStatistics& statistics = response.model_stats(0);
  EXPECT_EQ(statistics.version(), "1");
  EXPECT_EQ(statistics.inference_count(), 4u);
  EXPECT_EQ(statistics.execution_count(), 2u);
  EXPECT_GT(statistics.last_inference(), 1u << 30);
  const inference::InferStatistics& times = statistics.inference_stats();
  EXPECT_EQ(times.success().count(), 2u);
  EXPECT_EQ(times.queue().count(), 2u);
  EXPECT_EQ(times.fail().count(), 1u);
  EXPECT_LE(times.queue().ns() + times.compute_infer().ns() +
                times.compute_input().ns(),
            times.success().ns());
  request.set_name("nope");
  EXPECT_EQ(Call(&Stub::ModelStatistics, request, response).error_code(),
            grpc::NOT_FOUND);
}

TEST_F(InferDescribeTest, TheIndexTellsWhyAModelIsNotServed) {
  inference::RepositoryIndexRequest request;
  inference::RepositoryIndexResponse response;
  ASSERT_TRUE(Call(&Stub::RepositoryIndex, request, response).ok());
  ASSERT_EQ(response.models_size(), 4);
  EXPECT_EQ(response.models(0).name(), "broken");
  EXPECT_EQ(response.models(0).state(), "UNAVAILABLE");
  EXPECT_THAT(response.models(0).reason(), HasSubstr("model.safetensors"));
  EXPECT_EQ(response.models(1).state(), "READY");
  EXPECT_THAT(response.models(1).reason(), IsEmpty());
  request.set_ready(true);
  response.Clear();
  ASSERT_TRUE(Call(&Stub::RepositoryIndex, request, response).ok());
  EXPECT_EQ(response.models_size(), 3);
  request.set_repository_name("other");
  EXPECT_EQ(Call(&Stub::RepositoryIndex, request, response).error_code(),
            grpc::INVALID_ARGUMENT);
}

// Any message will do: what is not served is not read.
grpc::Status CallUnserved(const ServerProcess& server,
                          const std::string& method) {
  grpc::TemplatedGenericStub<inference::ServerLiveRequest,
                             inference::ServerLiveResponse>
      stub(server.channel());
  grpc::ClientContext context;
  inference::ServerLiveRequest request;
  inference::ServerLiveResponse response;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag;
  bool ok;
  queue.Next(&tag, &ok);
  return status;
}

TEST_F(InferDescribeTest, WhatIsNotServedSaysSoInASentence) {
  const std::pair<const char*, const char*> calls[] = {
      {"/inference.GRPCInferenceService/SystemSharedMemoryStatus",
       "shared memory is not served"},
      {"/inference.GRPCInferenceService/CudaSharedMemoryRegister",
       "shared memory is not served"},
      {"/inference.GRPCInferenceService/RepositoryModelLoad",
       "models are loaded when the server starts"},
      {"/inference.GRPCInferenceService/TraceSetting", "are flags"},
      {"/inference.GRPCInferenceService/LogSettings", "are flags"},
      {"/made.Up/Method", "there is no method \"/made.Up/Method\""}};
  for (const auto& [method, sentence] : calls) {
    const grpc::Status status = CallUnserved(server_, method);
    EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED) << method;
    EXPECT_THAT(status.error_message(), HasSubstr(sentence)) << method;
  }
}

}  // namespace
}  // namespace unroll
