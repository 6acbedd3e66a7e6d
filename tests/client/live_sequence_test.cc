// What a live sequence does about servers that will not have it. (With real
// servers: tests/e2e/live_resume_test.cc.)

#include "client/live_sequence.h"

#include <gtest/gtest.h>

#include <atomic>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/client/test_server.h"

namespace unroll::client {
namespace {

using Stream = grpc::ServerReaderWriter<v1::LiveResponse, v1::LiveRequest>;

// No room, and none for an hour.
grpc::Status Full(Stream&) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(3600);
  google::rpc::Status details;
  details.add_details()->PackFrom(retry);
  return {grpc::RESOURCE_EXHAUSTED, "full", details.SerializeAsString()};
}

// An opening, and the end.
grpc::Status Open(Stream& stream) {
  v1::LiveRequest request;
  EXPECT_TRUE(stream.Read(&request));
  v1::LiveResponse response;
  response.mutable_opened();
  response.mutable_final();
  stream.Write(response);
  return grpc::Status::OK;
}

TEST(LiveSequenceTest, AServerIsLeftAloneForAsLongAsItAsks) {
  std::atomic<int> calls = 0;
  const TestServer full({}, {}, [&](Stream& stream) {
    ++calls;
    return Full(stream);
  });
  LiveSequence live({.addresses = {full.address()}}, {});
  v1::LiveResponse response;
  EXPECT_FALSE(live.Read(response));
  EXPECT_EQ(live.Finish().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(calls, 1);
}

TEST(LiveSequenceTest, OthersAreTriedMeanwhile) {
  const TestServer full({}, {}, Full);
  const TestServer open({}, {}, Open);
  LiveSequence live({.addresses = {full.address(), open.address()}}, {});
  v1::LiveResponse response;
  EXPECT_TRUE(live.Read(response));
  EXPECT_FALSE(live.Read(response));
  EXPECT_TRUE(live.Finish().ok()) << live.Finish();
}

TEST(LiveSequenceTest, AMessageHasSteps) {
  LiveSequence live({.addresses = {"127.0.0.1:1"}}, {});
  v1::LiveRequest request;
  request.set_state_token_now(true);
  EXPECT_EQ(live.Send(request).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace unroll::client
