// Many callers at once.

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using unroll::testing::ExpectGolden;
using unroll::testing::Predict;
using unroll::testing::PredictStream;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::ToMessage;
using unroll::testing::WriteRepository;

TEST(LoadTest, SixtyFourClientsAtOnceGetPyTorchsNumbers) {
  constexpr int kClients = 64, kCalls = 20;
  TempDirectory directory;
  const ServerProcess server(WriteRepository(directory.path(), golden::Cases()),
                             {"--max-batch-rows=8"});
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&server, client] {
      for (int call = 0; call < kCalls; ++call) {
        const auto& cases = golden::Cases();
        const golden::Case& c = cases[(client + 5 * call) % cases.size()];
        if (call % 4 == 0) {
          v1::PredictStreamRequest request;
          request.set_model(c.name);
          *request.mutable_sequence() = ToMessage(c);
          const auto reply = PredictStream(server, request);
          ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
          ExpectGolden(c, reply.result);
          continue;
        }
        v1::PredictRequest request;
        request.set_model(c.name);
        for (int i = 0; i <= call % 3; ++i) {
          *request.add_sequences() = ToMessage(c);
        }
        const auto reply = Predict(server, request);
        ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
        for (const auto& result : reply.response.results()) {
          ExpectGolden(c, result);
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(
      server.Metric("unroll_requests_total", "code=\"OK\",method=\"Predict\""),
      kClients * kCalls * 3 / 4);
}

}  // namespace
}  // namespace unroll
