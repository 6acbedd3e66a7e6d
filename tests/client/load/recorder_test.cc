#include "client/load/recorder.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace unroll::client {
namespace {

constexpr absl::Duration kBegin = absl::Seconds(1);
constexpr absl::Duration kEnd = absl::Seconds(3);

grpc::Status Refused(const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too much",
          details.SerializeAsString()};
}

TEST(RecorderTest, WhatWasDueInTheWarmUpDoesNotCount) {
  Recorder recorder(kBegin, kEnd);
  EXPECT_FALSE(recorder.Measures(kBegin - absl::Nanoseconds(1)));
  EXPECT_TRUE(recorder.Measures(kBegin));
  recorder.OnSent(false, absl::Seconds(9));
  recorder.OnResults(false, {.steps = 5, .first = absl::Seconds(9)}, kBegin);
  recorder.OnLatency(false, absl::Seconds(9));
  recorder.OnEnd(false, Refused("X"), kBegin);
  const LoadReport report = recorder.report();
  EXPECT_EQ(
      report.lateness.count() + report.first.count() + report.latency.count(),
      0);
  EXPECT_EQ(report.steps + report.failed + report.messages, 0);
  EXPECT_TRUE(report.errors.empty());
}

// Of what was due before, too, and not of what comes after the end: otherwise a
// server that falls behind would look as fast as one that does not.
TEST(RecorderTest, RatesAreOfWhatCameInTheTimeOfMeasuring) {
  Recorder recorder(kBegin, kEnd);
  for (const absl::Duration now :
       {kBegin - absl::Seconds(0.5), kBegin, kEnd - absl::Seconds(0.5), kEnd}) {
    recorder.OnResults(now >= kBegin, {.steps = 10}, now);
    recorder.OnEnd(now >= kBegin, grpc::Status::OK, now);
  }
  const LoadReport report = recorder.report();
  EXPECT_EQ(report.sequences_per_second, 1);
  EXPECT_EQ(report.steps_per_second, 10);
  EXPECT_EQ(report.steps, 30);
  EXPECT_EQ(report.succeeded, 3);
}

TEST(RecorderTest, ErrorsAreCountedByCodeAndReason) {
  Recorder recorder(kBegin, kEnd);
  for (const char* reason : {"QUEUE_TOO_LONG", "QUEUE_TOO_LONG", "DRAINING"}) {
    recorder.OnEnd(true, Refused(reason), kBegin);
  }
  recorder.OnEnd(true, {grpc::StatusCode::UNAVAILABLE, "gone"}, kBegin);
  const LoadReport report = recorder.report();
  EXPECT_EQ(report.failed, 4);
  EXPECT_EQ(report.unanswered, 4);
  ASSERT_EQ(report.errors.size(), 3u);
  const LoadErrors& queue = report.errors.at(
      {absl::StatusCode::kResourceExhausted, "QUEUE_TOO_LONG"});
  EXPECT_EQ(queue.count, 2);
  EXPECT_EQ(queue.message, "too much");
  EXPECT_EQ(report.errors.at({absl::StatusCode::kUnavailable, ""}).message,
            "gone");
}

TEST(RecorderTest, ProgressIsOfTheTimeSinceTheLast) {
  Recorder recorder(kBegin, kEnd);
  recorder.OnResults(false, {.steps = 4}, kBegin);
  recorder.OnLatency(false, absl::Milliseconds(2));
  recorder.OnEnd(false, grpc::Status::OK, kBegin);
  const LoadProgress first = recorder.TakeProgress(kBegin);
  EXPECT_EQ(first.at, kBegin);
  EXPECT_EQ(first.steps, 4);
  EXPECT_EQ(first.sequences, 1);
  EXPECT_EQ(first.latency.max(), absl::Milliseconds(2));
  const LoadProgress second = recorder.TakeProgress(kEnd);
  EXPECT_EQ(second.steps + second.sequences + second.latency.count(), 0);
}

}  // namespace
}  // namespace unroll::client
