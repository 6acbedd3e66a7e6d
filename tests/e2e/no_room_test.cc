// What a caller is told when there is no room for its call.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/support/live.h"
#include "tests/support/predict.h"
#include "tests/support/server_process.h"

namespace unroll::testing {
namespace {

v1::PredictRequest Letters(int64_t count) {
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text(std::string(count, 'a'));
  request.mutable_outputs()->mutable_last();
  return request;
}

TEST(NoRoomTest, ATooLongQueueSaysWhyAndWhenToTryAgain) {
  const ServerProcess server(UNROLL_MODELS,
                             {"--max-steps=1000000", "--workers=1",
                              "--max-batch-rows=1", "--max-queue-time=1ms"});
  const auto stub = server.Inference();
  grpc::ClientContext blocking;
  std::thread blocker([&] {
    v1::PredictResponse response;
    stub->Predict(&blocking, Letters(900'000), &response);
  });
  grpc::Status status;
  std::string pushback;
  while (status.ok()) {
    grpc::ClientContext context;
    v1::PredictResponse response;
    status = stub->Predict(&context, Letters(1), &response);
    const auto& trailers = context.GetServerTrailingMetadata();
    if (const auto found = trailers.find("grpc-retry-pushback-ms");
        found != trailers.end()) {
      pushback = {found->second.data(), found->second.size()};
    }
  }
  blocking.TryCancel();
  blocker.join();
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "unroll/QUEUE_TOO_LONG");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::RetryInfo retry;
  ASSERT_EQ(details.details_size(), 2);
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_GE(std::stol(pushback), 100);
  EXPECT_NEAR(static_cast<double>(retry.retry_delay().seconds()) * 1e3 +
                  retry.retry_delay().nanos() * 1e-6,
              std::stod(pushback), 1);
  EXPECT_GE(server.Metric("unroll_refusals_total", "reason=\"QUEUE_TOO_LONG\""),
            1);
}

// A live sequence pays for its steps as they come.
TEST(NoRoomTest, StepsForWhichThereIsNoMemoryEndALiveSequenceWithAToken) {
  const double models =
      ServerProcess(UNROLL_MODELS).Metric("unroll_memory_used_bytes");
  const ServerProcess server(
      UNROLL_MODELS,
      {absl::StrFormat("--memory-limit=%d",
                       static_cast<int64_t>(models) + (4 << 20))});
  v1::LiveOpening opening;
  opening.set_model("langid");
  opening.mutable_outputs()->add_results(v1::HIDDEN);
  opening.set_window(65536);
  LiveStream stream(server), neighbour(server);
  for (LiveStream* one : {&stream, &neighbour}) {
    one->Open(opening);
    one->Text("abc");
  }
  stream.Text(std::string(50'000, 'a'));
  const LiveReply reply = stream.Finish();
  EXPECT_EQ(reply.status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(reply.status), "unroll/OUT_OF_MEMORY");
  EXPECT_EQ(reply.steps.size(), 3);
  ASSERT_TRUE(reply.ended);
  EXPECT_FALSE(reply.ended->state_token().empty());
  neighbour.HalfClose();
  EXPECT_TRUE(neighbour.Finish().status.ok());
}

TEST(NoRoomTest, AReaderThatNeverReadsIsEnded) {
  const ServerProcess server(
      UNROLL_MODELS, {"--max-steps=1000000", "--slow-reader-timeout=20ms"});
  grpc::ClientContext context;
  v1::PredictStreamRequest request;
  request.set_model("langid");
  request.mutable_sequence()->set_text(std::string(900'000, 'a'));
  const auto stub = server.Inference();
  const auto reader = stub->PredictStream(&context, request);
  v1::PredictStreamResponse message;
  ASSERT_TRUE(reader->Read(&message));
  while (server.Metric("unroll_sequences_expired_total", "model=\"langid\"") ==
         0) {
  }
  while (reader->Read(&message)) {
  }
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::ABORTED) << status.error_message();
  EXPECT_EQ(ReasonOf(status), "unroll/SLOW_READER");
}

TEST(NoRoomTest, PrioritiesAreMinusTenToTen) {
  const ServerProcess server(UNROLL_MODELS);
  for (const int priority : {-11, -10, 10, 11}) {
    v1::PredictRequest request = Letters(3);
    request.set_priority(priority);
    const grpc::Status status = Predict(server, request).status;
    if (priority == -10 || priority == 10) {
      EXPECT_TRUE(status.ok()) << status.error_message();
    } else {
      EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
      EXPECT_THAT(status.error_message(),
                  ::testing::HasSubstr("expected -10 to 10"));
    }
  }
}

}  // namespace
}  // namespace unroll::testing
