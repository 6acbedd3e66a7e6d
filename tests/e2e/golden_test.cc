#include <gtest/gtest.h>

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

// One server with every golden model.
class GoldenServer {
 public:
  static const ServerProcess& Get() {
    static const GoldenServer server;
    return server.server_;
  }

 private:
  TempDirectory directory_;
  // Few rows a batch: fewer primitives to make for each model.
  ServerProcess server_{WriteRepository(directory_.path(), golden::Cases()),
                        {"--max-batch-rows=4"}};
};

class GoldenTest : public ::testing::TestWithParam<golden::Case> {};

TEST_P(GoldenTest, PredictGivesPyTorchsNumbers) {
  v1::PredictRequest request;
  request.set_model(GetParam().name);
  for (int i = 0; i < 3; ++i) *request.add_sequences() = ToMessage(GetParam());
  const auto reply = Predict(GoldenServer::Get(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  ASSERT_EQ(reply.response.results_size(), 3);
  for (const auto& result : reply.response.results()) {
    ExpectGolden(GetParam(), result);
  }
}

TEST_P(GoldenTest, PredictStreamGivesPyTorchsNumbers) {
  v1::PredictStreamRequest request;
  request.set_model(GetParam().name);
  *request.mutable_sequence() = ToMessage(GetParam());
  const auto reply = PredictStream(GoldenServer::Get(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  ExpectGolden(GetParam(), reply.result);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest,
                         ::testing::ValuesIn(golden::Cases()), golden::NameOf);

}  // namespace
}  // namespace unroll
