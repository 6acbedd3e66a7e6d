// gRPC's standard health and reflection services.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::IsSupersetOf;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using HealthResponse = grpc::health::v1::HealthCheckResponse;

// SERVING and so on, or the call's error.
std::string Check(const ServerProcess& server, const std::string& service) {
  const auto stub = grpc::health::v1::Health::NewStub(server.channel());
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  HealthResponse response;
  const auto status = stub->Check(&context, request, &response);
  if (!status.ok()) return "error " + std::to_string(status.error_code());
  return HealthResponse::ServingStatus_Name(response.status());
}

// A repository with langid and a model that does not load.
std::string MakeRepository(const std::string& directory) {
  std::filesystem::create_directory_symlink(
      std::string(UNROLL_MODELS) + "/langid", directory + "/langid");
  std::filesystem::create_directory(directory + "/broken");
  std::ofstream(directory + "/broken/model.safetensors") << "rubbish";
  return directory;
}

TEST(HealthTest, AllModelsHaveToBeServedByDefault) {
  TempDirectory directory;
  const ServerProcess server(MakeRepository(directory.path()));
  EXPECT_EQ(Check(server, ""), "NOT_SERVING");
  EXPECT_EQ(Check(server, "langid"), "SERVING");
  EXPECT_EQ(Check(server, "broken"), "NOT_SERVING");
  EXPECT_EQ(Check(server, "nope"), "error 5");  // NOT_FOUND
}

TEST(HealthTest, OneModelIsEnoughWithReadyAny) {
  TempDirectory directory;
  const ServerProcess server(MakeRepository(directory.path()), {"--ready=any"});
  EXPECT_EQ(Check(server, ""), "SERVING");
}

TEST(HealthTest, AWatcherIsToldOfTheEndAndDoesNotHoldItUp) {
  ServerProcess server(UNROLL_MODELS);
  const auto stub = grpc::health::v1::Health::NewStub(server.channel());
  grpc::ClientContext context;
  const auto reader =
      stub->Watch(&context, grpc::health::v1::HealthCheckRequest());
  HealthResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthResponse::SERVING);
  EXPECT_EQ(server.Stop(), 0);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthResponse::NOT_SERVING);
}

TEST(ReflectionTest, ListsAllServices) {
  const ServerProcess server(UNROLL_MODELS);
  const auto stub =
      grpc::reflection::v1alpha::ServerReflection::NewStub(server.channel());
  grpc::ClientContext context;
  const auto stream = stub->ServerReflectionInfo(&context);
  grpc::reflection::v1alpha::ServerReflectionRequest request;
  request.set_list_services("*");
  ASSERT_TRUE(stream->Write(request));
  grpc::reflection::v1alpha::ServerReflectionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  std::vector<std::string> services;
  for (const auto& service : response.list_services_response().service()) {
    services.push_back(service.name());
  }
  EXPECT_THAT(services,
              IsSupersetOf({"unroll.v1.SequenceInference", "unroll.v1.Models",
                            "grpc.health.v1.Health"}));
  stream->WritesDone();
  stream->Finish();
}

}  // namespace
}  // namespace unroll
