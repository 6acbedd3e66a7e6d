#include "client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/synchronization/notification.h"
#include "client/sequence.h"
#include "client/stream_collector.h"
#include "tests/client/test_server.h"

namespace unroll::client {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::PredictStreamRequest StreamOf(const std::string& text) {
  v1::PredictStreamRequest request;
  request.set_model("letters");
  *request.mutable_sequence() = TextSequence(text);
  return request;
}

TEST(ClientTest, PredictReturnsTheServersReply) {
  TestServer server;
  Client client(server.address());
  v1::PredictRequest request;
  request.set_model("letters");
  request.set_request_id("mine");
  *request.add_sequences() = TextSequence("abc");
  const auto response = client.Predict(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->request_id(), "mine");
  EXPECT_THAT(response->results(0).token_ids(), ElementsAre('a', 'b', 'c'));
  EXPECT_THAT(response->results(0).hidden().shape(), ElementsAre(3, 2));
}

TEST(ClientTest, RepliesAboveGrpcsUsualLimitAreTaken) {
  const auto stream =
      [](grpc::ServerContext&,
         grpc::ServerWriter<v1::PredictStreamResponse>& writer) {
        v1::PredictStreamResponse message;
        message.mutable_hidden()->set_data(std::string(5 << 20, 'x'));
        message.mutable_final();
        writer.Write(message);
        return grpc::Status::OK;
      };
  TestServer server({}, stream);
  Client client(server.address());
  const auto reader = client.PredictStream(StreamOf("a"));
  v1::PredictStreamResponse response;
  ASSERT_TRUE(reader->Read(response));
  EXPECT_EQ(response.hidden().data().size(), 5u << 20);
  EXPECT_FALSE(reader->Read(response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST(ClientTest, EveryCodeArrivesWithTheServersMessage) {
  for (int code = 1; code <= 16; ++code) {
    TestServer server([&](const v1::PredictRequest&) {
      return grpc::Status(static_cast<grpc::StatusCode>(code), "the reason");
    });
    Client client(server.address());
    const absl::Status status = client.Predict({}).status();
    EXPECT_EQ(static_cast<int>(status.code()), code);
    EXPECT_THAT(std::string(status.message()), HasSubstr("the reason"));
  }
}

TEST(ClientTest, UnavailableNamesTheAddress) {
  std::string address;
  {
    TestServer server;
    address = server.address();
  }
  Client client(address);
  const absl::Status status = client.ListModels().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(address));
}

TEST(ClientTest, ACallEndsWhenItsTimeoutHasPassed) {
  absl::Notification release;
  TestServer server([&](const v1::PredictRequest&) {
    release.WaitForNotification();
    return grpc::Status::OK;
  });
  Client client(server.address());
  const absl::Status status =
      client.Predict({}, {.timeout = absl::Milliseconds(20)}).status();
  release.Notify();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(server.address()), HasSubstr("20ms")));
}

TEST(ClientTest, AStreamGivesTheMessagesInOrderAndThenItsStatus) {
  TestServer server;
  Client client(server.address());
  const auto stream = client.PredictStream(StreamOf("abc"));
  std::vector<int64_t> steps;
  bool final_seen = false;
  v1::PredictStreamResponse response;
  while (stream->Read(response)) {
    steps.insert(steps.end(), response.steps().begin(), response.steps().end());
    EXPECT_FALSE(final_seen);
    final_seen = response.has_final();
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(final_seen);
  EXPECT_THAT(steps, ElementsAre(0, 1, 2));
}

TEST(ClientTest, AStreamThatFailsHalfwayGivesWhatCameAndTheError) {
  TestServer server(
      {}, [](grpc::ServerContext&,
             grpc::ServerWriter<v1::PredictStreamResponse>& writer) {
        writer.Write(v1::PredictStreamResponse());
        return grpc::Status(grpc::StatusCode::INTERNAL, "a fault");
      });
  Client client(server.address());
  const auto stream = client.PredictStream(StreamOf("abc"));
  v1::PredictStreamResponse response;
  EXPECT_TRUE(stream->Read(response));
  EXPECT_FALSE(stream->Read(response));
  EXPECT_FALSE(stream->Read(response));
  EXPECT_EQ(stream->Finish(), absl::InternalError("a fault"));
}

// A stream that never ends by itself.
grpc::Status WriteForever(
    grpc::ServerContext& context,
    grpc::ServerWriter<v1::PredictStreamResponse>& writer) {
  while (!context.IsCancelled()) {
    if (!writer.Write(v1::PredictStreamResponse())) break;
  }
  return grpc::Status::CANCELLED;
}

TEST(ClientTest, ACancelledStreamEndsAsCancelled) {
  TestServer server({}, WriteForever);
  Client client(server.address());
  const auto stream = client.PredictStream(StreamOf("abc"));
  v1::PredictStreamResponse response;
  EXPECT_TRUE(stream->Read(response));
  stream->Cancel();
  while (stream->Read(response)) {
  }
  EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kCancelled);
}

TEST(ClientTest, AStreamMayBeDroppedUnreadAndOutliveItsClient) {
  TestServer server({}, WriteForever);
  std::unique_ptr<PredictionStream> stream;
  {
    Client client(server.address());
    stream = client.PredictStream(StreamOf("abc"));
  }
  v1::PredictStreamResponse response;
  EXPECT_TRUE(stream->Read(response));
  stream.reset();
}

TEST(ClientTest, HealthIsAskedForByName) {
  using grpc::health::v1::HealthCheckResponse;
  TestServer server;
  Client client(server.address());
  EXPECT_EQ(client.CheckHealth().value(), HealthCheckResponse::SERVING);
  EXPECT_EQ(client.CheckHealth("broken").value(),
            HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(client.CheckHealth("unknown").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(StreamCollectorTest, AStreamComesToTheSameAsPredict) {
  TestServer server;
  Client client(server.address());
  for (const char* model : {"letters", "features", "once"}) {
    v1::PredictRequest request;
    request.set_model(model);
    request.mutable_outputs()->set_top_k(2);
    *request.add_sequences() =
        std::string(model) == "letters"
            ? TextSequence("abc")
            : TokenSequence(std::vector<int64_t>{3, 1, 2});
    v1::PredictStreamRequest stream_request;
    stream_request.set_model(model);
    *stream_request.mutable_outputs() = request.outputs();
    *stream_request.mutable_sequence() = request.sequences(0);

    StreamCollector collector;
    const auto stream = client.PredictStream(stream_request);
    v1::PredictStreamResponse response;
    while (stream->Read(response)) collector.Add(std::move(response));
    ASSERT_TRUE(stream->Finish().ok());
    EXPECT_EQ(collector.result().DebugString(),
              client.Predict(request)->results(0).DebugString());
    EXPECT_EQ(collector.end().version(), 7);
  }
}

}  // namespace
}  // namespace unroll::client
