// Deadlines, cancelled calls and slow readers.

#include <gtest/gtest.h>

#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using unroll::testing::Predict;
using unroll::testing::ServerProcess;

// Long enough to be caught in the middle.
constexpr int64_t kManySteps = 200000;

v1::Sequence LongSequence() {
  v1::Sequence sequence;
  sequence.mutable_token_ids()->mutable_ids()->Resize(kManySteps, 5);
  return sequence;
}

v1::PredictStreamRequest LongStream() {
  v1::PredictStreamRequest request;
  request.set_model("langid");
  *request.mutable_sequence() = LongSequence();
  request.mutable_outputs()->add_results(v1::HIDDEN);
  return request;
}

v1::PredictRequest LongPredict() {
  v1::PredictRequest request;
  request.set_model("langid");
  for (int i = 0; i < 4; ++i) *request.add_sequences() = LongSequence();
  request.mutable_outputs()->mutable_last();
  return request;
}

class CancellationTest : public ::testing::Test {
 protected:
  // The server is idle again once a new call is answered and the gauges are 0:
  // nothing of the dead call is left.
  void ExpectIdleAndAlive() {
    v1::PredictRequest request;
    request.set_model("langid");
    request.add_sequences()->set_text("still here");
    EXPECT_TRUE(Predict(server_, request).status.ok());
    while (server_.Metric("unroll_sequences_running") +
               server_.Metric("unroll_sequences_ready") +
               server_.Metric("unroll_sequences_paused") >
           0) {
    }
  }
  // The steps that were run, of all sequences.
  double Steps() { return server_.Metric("unroll_steps_total"); }

  ServerProcess server_{
      UNROLL_MODELS,
      {"--max-steps=1000000", "--workers=1", "--max-queue-time=10m"}};
};

TEST_F(CancellationTest, APassedDeadlineEndsTheCall) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(20));
  v1::PredictResponse response;
  const auto status =
      server_.Inference()->Predict(&context, LongPredict(), &response);
  EXPECT_EQ(status.error_code(), grpc::DEADLINE_EXCEEDED);
  ExpectIdleAndAlive();
  EXPECT_LT(Steps(), 4 * kManySteps) << "its work was dropped";
}

TEST_F(CancellationTest, AStreamCancelledInTheMiddleStopsItsSequence) {
  grpc::ClientContext context;
  const auto stub = server_.Inference();
  const auto reader = stub->PredictStream(&context, LongStream());
  v1::PredictStreamResponse message;
  ASSERT_TRUE(reader->Read(&message));
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  ExpectIdleAndAlive();
  EXPECT_LT(Steps(), kManySteps);
}

TEST_F(CancellationTest, AReaderThatDoesNotReadPausesOnlyItself) {
  grpc::ClientContext context;
  const auto stub = server_.Inference();
  const auto reader = stub->PredictStream(&context, LongStream());
  v1::PredictStreamResponse message;
  ASSERT_TRUE(reader->Read(&message));
  // Not reading on, the sequence comes to rest once buffers are full.
  double before = -1;
  while (server_.Metric("unroll_sequences_paused") != 1 || before != Steps()) {
    before = Steps();
  }
  EXPECT_LT(before, kManySteps);
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text("others are served");
  EXPECT_TRUE(Predict(server_, request).status.ok());
  // And reads on, to the end, with nothing lost.
  int64_t next = message.steps_size();
  while (reader->Read(&message)) {
    for (int64_t step : message.steps()) ASSERT_EQ(step, next++);
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(next, kManySteps);
}

TEST(ConnectionAgeTest, WhatStillRunsIsCutOffAfterTheGrace) {
  const ServerProcess server(
      UNROLL_MODELS,
      {"--max-steps=1000000", "--max-connection-age=50ms",
       "--max-connection-age-grace=50ms", "--slow-reader-timeout=24h"});
  grpc::ClientContext context;
  const auto stub = server.Inference();
  const auto reader = stub->PredictStream(&context, LongStream());
  // Nobody reads, so that it does not end by itself.
  while (server.Metric("unroll_sequences_cancelled_total") == 0) {
  }
  v1::PredictStreamResponse message;
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::UNAVAILABLE);
}

}  // namespace
}  // namespace unroll
