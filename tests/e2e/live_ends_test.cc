// How live sequences end that were begun well: each end says why, what ran and
// how to go on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/live.h"
#include "tests/support/predict.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/state_tokens.h"
#include "tests/support/temp_directory.h"

namespace unroll::testing {
namespace {

using ::testing::HasSubstr;

v1::LiveOpening Opening() {
  v1::LiveOpening opening;
  opening.set_model("langid");
  opening.mutable_outputs()->add_results(v1::HIDDEN);
  return opening;
}

TEST(LiveEndsTest, SilenceExpires) {
  const ServerProcess server(UNROLL_MODELS, {"--idle-timeout=500ms"});
  LiveStream stream(server);
  v1::LiveRequest request;
  *request.mutable_open() = Opening();
  request.set_text("abc");
  stream.Write(request);
  const LiveReply reply = stream.Finish();
  EXPECT_EQ(reply.status.error_code(), grpc::ABORTED);
  EXPECT_EQ(ReasonOf(reply.status), "unroll/EXPIRED");
  EXPECT_THAT(reply.status.error_message(), HasSubstr("--idle-timeout"));
  ASSERT_TRUE(reply.ended);
  EXPECT_EQ(reply.ended->last_step(), 2);
  EXPECT_FALSE(reply.ended->state_token().empty());
}

TEST(LiveEndsTest, OneThatNeverOpensExpires) {
  ServerProcess server(UNROLL_MODELS, {"--idle-timeout=20ms"});
  LiveStream silent(server);
  const LiveReply reply = silent.Finish();
  EXPECT_EQ(reply.status.error_code(), grpc::ABORTED);
  EXPECT_EQ(ReasonOf(reply.status), "unroll/EXPIRED");
  EXPECT_THAT(reply.status.error_message(), HasSubstr("no opening came"));
  EXPECT_FALSE(reply.opened || reply.ended);
  while (server.Metric("unroll_refusals_total", "reason=\"EXPIRED\"") != 1) {
  }
}

TEST(LiveEndsTest, OneThatNeverOpensDoesNotHoldUpADrain) {
  ServerProcess server(UNROLL_MODELS);
  LiveStream silent(server), opened(server);
  opened.Open(Opening());
  LiveReply reply;
  ASSERT_TRUE(opened.Read(reply));  // so that the other has come, too
  EXPECT_EQ(server.Stop(), 0);
  EXPECT_FALSE(silent.Finish().status.ok());
  EXPECT_EQ(ReasonOf(opened.Finish(std::move(reply)).status),
            "unroll/DRAINING");
}

// While its client does not read, the neighbours get thousands of steps, and it
// none but those that buffers take.
TEST(LiveEndsTest, AReaderThatDoesNotReadIsNotRunAndItsNeighboursAre) {
  constexpr size_t kMessage = 1000, kMessages = 60;
  const ServerProcess server(UNROLL_MODELS, {"--slow-reader-timeout=24h"});
  // With a connection of its own, whose buffers do not grow.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  LiveStream slow(grpc::CreateCustomChannel(
      server.address(), grpc::InsecureChannelCredentials(), arguments));
  v1::LiveOpening opening = Opening();
  opening.set_window(kMessage * kMessages);
  slow.Open(opening);
  for (size_t i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(slow.Text(std::string(kMessage, 'a')));
  }
  while (server.Metric("unroll_sequences_paused") != 1) {
  }
  constexpr size_t kNeighbours = 8, kSteps = 1000;
  std::vector<std::thread> neighbours;
  for (size_t i = 0; i < kNeighbours; ++i) {
    neighbours.emplace_back([&] {
      LiveStream stream(server);
      stream.Open(Opening());
      LiveReply reply;
      for (size_t step = 1; step <= kSteps; ++step) {
        stream.Text("b");
        stream.ReadSteps(step, reply);
      }
      stream.HalfClose();
      EXPECT_TRUE(stream.Finish(std::move(reply)).status.ok());
    });
  }
  for (std::thread& neighbour : neighbours) neighbour.join();
  const double steps = server.Metric("unroll_steps_total", "model=\"langid\"");
  EXPECT_LT(steps - kNeighbours * kSteps, kMessage * kMessages / 10);
  EXPECT_EQ(server.Metric("unroll_sequences_paused"), 1);
  // Once it reads, it gets all.
  slow.HalfClose();
  const LiveReply end = slow.Finish();
  EXPECT_TRUE(end.status.ok()) << end.status.error_message();
  EXPECT_EQ(end.steps.size(), kMessage * kMessages);
}

TEST(LiveEndsTest, AReaderThatDoesNotReadEnds) {
  const ServerProcess server(UNROLL_MODELS, {"--slow-reader-timeout=20ms"});
  LiveStream slow(server);
  v1::LiveOpening opening = Opening();
  opening.set_window(65536);
  slow.Open(opening);
  LiveStream neighbour(server);
  neighbour.Open(Opening());
  LiveReply reply;
  std::thread writer([&] {
    // Within the window, and more results than buffers take.
    for (int i = 0; i < 60 && slow.Text(std::string(1000, 'a')); ++i) {
    }
  });
  size_t steps = 0;
  while (server.Metric("unroll_sequences_expired_total", "model=\"langid\"") ==
         0) {
    neighbour.Text("b");
    neighbour.ReadSteps(++steps, reply);
  }
  const LiveReply end = slow.Finish();
  writer.join();
  EXPECT_EQ(end.status.error_code(), grpc::ABORTED);
  EXPECT_EQ(ReasonOf(end.status), "unroll/SLOW_READER");
  ASSERT_TRUE(end.ended);
  EXPECT_EQ(end.ended->last_step() + 1, std::ssize(end.steps));
  neighbour.HalfClose();
  EXPECT_TRUE(neighbour.Finish(std::move(reply)).status.ok());
}

TEST(LiveEndsTest, AnOldOneEndsWithATokenBusyOrNot) {
  const ServerProcess server(UNROLL_MODELS, {"--max-connection-age=300ms"});
  for (const bool busy : {false, true}) {
    LiveStream stream(server);
    stream.Open(Opening());
    LiveReply reply;
    const auto read = [&](size_t steps) {
      while (reply.steps.size() < steps && stream.Read(reply)) {
      }
      return reply.steps.size() == steps;
    };
    for (size_t steps = 1; busy && stream.Text("a") && read(steps); ++steps) {
    }
    reply = stream.Finish(std::move(reply));
    EXPECT_EQ(reply.status.error_code(), grpc::UNAVAILABLE);
    EXPECT_EQ(ReasonOf(reply.status), "unroll/DRAINING");
    EXPECT_THAT(reply.status.error_message(),
                HasSubstr("--max-connection-age"));
    ASSERT_TRUE(reply.ended);
    EXPECT_FALSE(reply.ended->state_token().empty());
    EXPECT_EQ(reply.ended->last_step() + 1, std::ssize(reply.steps));
    EXPECT_EQ(busy, !reply.steps.empty());
  }
}

TEST(LiveEndsTest, ADrainGivesATokenThatAnotherServerGoesOnFrom) {
  TempDirectory directory;
  const std::vector<std::string> flags = {
      "--state-key-file=" + directory.Write("keys", StateKeyLine('k'))};
  ServerProcess first(UNROLL_MODELS, flags);
  ServerProcess second(UNROLL_MODELS, flags);
  LiveStream idle(first);
  idle.Open(Opening());
  idle.Text("una frase ");
  LiveReply reply;
  idle.ReadSteps(10, reply);
  first.process().Signal(SIGTERM);
  reply = idle.Finish(std::move(reply));
  EXPECT_EQ(first.process().Wait(), 0);
  EXPECT_EQ(reply.status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(reply.status), "unroll/DRAINING");
  ASSERT_TRUE(reply.ended);
  EXPECT_EQ(reply.ended->last_step(), 9);

  v1::LiveOpening opening = Opening();
  opening.set_state_token(reply.ended->state_token());
  opening.set_require_exact(true);
  LiveStream on(second);
  on.Open(opening);
  on.Text("breve");
  on.HalfClose();
  const LiveReply rest = on.Finish();
  ASSERT_TRUE(rest.status.ok()) << rest.status.error_message();
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text("una frase breve");
  request.mutable_outputs()->add_results(v1::HIDDEN);
  EXPECT_EQ(reply.hidden + rest.hidden,
            Predict(second, request).response.results(0).hidden().data());
}

// Of a network that multiplies its state by 100 at every step, which passes
// float32's 3.4e38 at step 20; nothing else shares that fate.
TEST(LiveEndsTest, OneThatDivergesEndsWithItsLastGoodStepAndNoToken) {
  TempDirectory directory;
  directory.Write("grower/model.safetensors",
                  SafetensorsBuilder()
                      .AddF32("rnn.weight_ih_l0", {1, 1}, {1})
                      .AddF32("rnn.weight_hh_l0", {1, 1}, {100})
                      .Build());
  directory.Write("grower/config.json", R"({"nonlinearity": "relu"})");
  const ServerProcess server(directory.path());
  v1::LiveOpening opening = Opening();
  opening.set_model("grower");
  const auto ones = [](int64_t count) {
    v1::LiveRequest request;
    Tensor tensor = ZeroTensor({count, 1});
    tensor.values.assign(count, 1.0f);
    *request.mutable_features() = ToMessage(tensor);
    return request;
  };
  LiveStream neighbour(server);
  neighbour.Open(opening);
  neighbour.Write(ones(2));
  for (const bool one_by_one : {true, false}) {
    LiveStream stream(server);
    stream.Open(opening);
    LiveReply reply;
    if (one_by_one) {
      for (size_t step = 1; step <= 20; ++step) {
        stream.Write(ones(1));
        stream.ReadSteps(step, reply);
      }
    }
    stream.Write(ones(40));
    reply = stream.Finish(std::move(reply));
    EXPECT_EQ(reply.status.error_code(), grpc::OUT_OF_RANGE);
    EXPECT_EQ(ReasonOf(reply.status), "unroll/DIVERGED");
    EXPECT_THAT(reply.status.error_message(),
                HasSubstr("the network diverged"));
    ASSERT_TRUE(reply.ended);
    EXPECT_EQ(reply.ended->last_step() + 1, std::ssize(reply.steps));
    EXPECT_LE(reply.steps.size(), 20);
    EXPECT_EQ(reply.ended->state_token(), "");
    if (one_by_one) {
      EXPECT_EQ(reply.ended->last_step(), 19);
    }
  }
  neighbour.Write(ones(1));
  neighbour.HalfClose();
  const LiveReply reply = neighbour.Finish();
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.hidden, BytesOf<float>({1, 101, 10101}));
}

}  // namespace
}  // namespace unroll::testing
