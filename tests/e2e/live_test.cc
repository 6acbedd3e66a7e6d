// Live sequences: steps over time, results at once, bit for bit those of
// Predict.

#include "tests/support/live.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/predict.h"
#include "tests/support/state_tokens.h"
#include "tests/support/temp_directory.h"

namespace unroll::testing {
namespace {

constexpr char kText[] = "una frase breve y después otra";

class LiveGoldenTest : public ::testing::TestWithParam<golden::Case> {
 protected:
  static const ServerProcess& Server() {
    static const TempDirectory directory;
    static const ServerProcess server(
        WriteRepository(directory.path(), golden::Cases()),
        {"--max-batch-rows=4"});
    return server;
  }
};

v1::Outputs Everything(const golden::Case& c) {
  v1::Outputs outputs;
  outputs.add_results(v1::HIDDEN);
  outputs.add_results(v1::FINAL_STATE);
  if (c.head) outputs.add_results(v1::SCORES);
  return outputs;
}

TEST_P(LiveGoldenTest, RandomPiecesGiveTheBitsOfPredict) {
  const golden::Case& c = GetParam();
  const v1::Sequence whole = ToMessage(c);
  v1::PredictRequest request;
  request.set_model(c.name);
  *request.add_sequences() = whole;
  *request.mutable_outputs() = Everything(c);
  const auto want = Predict(Server(), request);
  ASSERT_TRUE(want.status.ok()) << want.status.error_message();
  const v1::SequenceResult& result = want.response.results(0);

  std::mt19937 generator(static_cast<uint32_t>(c.id));
  for (int repeat = 0; repeat < 5; ++repeat) {
    LiveStream stream(Server());
    v1::LiveOpening opening;
    opening.set_model(c.name);
    *opening.mutable_outputs() = Everything(c);
    if (whole.has_initial_state()) {
      *opening.mutable_initial_state() = whole.initial_state();
    }
    opening.set_window(4);
    stream.Open(opening);
    LiveReply reply;
    for (int64_t begin = 0; begin < c.steps;) {
      const int64_t end =
          std::min<int64_t>(begin + 1 + generator() % 4, c.steps);
      // Now and then all results first, otherwise as few as the window wants.
      stream.ReadSteps(generator() % 2 ? begin : std::max<int64_t>(0, end - 4),
                       reply);
      stream.Write(ToLive(Piece(whole, begin, end)));
      begin = end;
    }
    stream.HalfClose();
    reply = stream.Finish(std::move(reply));
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    ASSERT_EQ(std::ssize(reply.steps), c.steps);
    EXPECT_EQ(reply.hidden, result.hidden().data());
    ASSERT_TRUE(reply.final);
    EXPECT_EQ(reply.final->final_state().tensors().at("h").data(),
              result.final_state().tensors().at("h").data());
    if (!c.head) continue;
    // A head that is applied once is applied at each step here: the last one
    // has seen all.
    const std::string& scores = result.scores().data();
    EXPECT_EQ(reply.scores.substr(reply.scores.size() - scores.size()), scores);
    EXPECT_EQ(reply.scores.size(), result.scores().shape_size() == 2
                                       ? scores.size()
                                       : c.steps * scores.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LiveGoldenTest,
                         ::testing::ValuesIn(golden::ForwardCases()),
                         golden::NameOf);

class LiveTest : public ::testing::Test {
 protected:
  static v1::LiveOpening Opening() {
    v1::LiveOpening opening;
    opening.set_model("langid");
    opening.mutable_outputs()->add_results(v1::SCORES);
    opening.mutable_outputs()->add_results(v1::STATE_TOKEN);
    return opening;
  }
  v1::SequenceResult Whole(const std::string& text) {
    v1::PredictRequest request;
    request.set_model("langid");
    request.add_sequences()->set_text(text);
    request.mutable_outputs()->add_results(v1::SCORES);
    const auto reply = Predict(server_, request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.response.results(0);
  }
  // The scores after the last step.
  static std::string Last(const LiveReply& reply, const v1::Tensor& like) {
    const size_t row = like.shape(like.shape_size() - 1) * sizeof(float);
    return reply.scores.substr(reply.scores.size() - row);
  }

  ServerProcess server_{UNROLL_MODELS};
};

TEST_F(LiveTest, EachStepsResultsComeBeforeTheNextStepIsSent) {
  LiveStream stream(server_);
  stream.Open(Opening());
  LiveReply reply;
  const std::string letters = "hello";
  for (size_t i = 0; i < letters.size(); ++i) {
    stream.Text(letters.substr(i, 1));
    stream.ReadSteps(i + 1, reply);
    const v1::SequenceResult whole = Whole(letters.substr(0, i + 1));
    const std::string& scores = whole.scores().data();
    EXPECT_EQ(
        Last(reply, whole.scores()),
        scores.substr(scores.size() - Last(reply, whole.scores()).size()));
    EXPECT_THAT(reply.token_ids,
                ::testing::ElementsAreArray(whole.token_ids()));
  }
  stream.HalfClose();
  reply = stream.Finish(std::move(reply));
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.opened->window(), 64);
  EXPECT_EQ(reply.final->steps_done(), 5);
  EXPECT_FALSE(reply.opened->has_exact());
}

TEST_F(LiveTest, ATokenAskedForNowGoesOnInAnotherCall) {
  const std::string text = kText;
  LiveStream first(server_);
  first.Open(Opening());
  first.Text(text.substr(0, 7), /*state_token_now=*/true);
  first.Text(text.substr(7, 5));
  // Alone, to one that waits for its client.
  LiveReply got;
  first.ReadSteps(12, got);
  v1::LiveRequest now;
  now.set_state_token_now(true);
  first.Write(now);
  while (got.tokens.size() < 2) ASSERT_TRUE(first.Read(got));
  EXPECT_EQ(got.tokens[0].step(), 6);
  EXPECT_EQ(got.tokens[1].step(), 11);

  const v1::SequenceResult whole = Whole(text);
  for (const v1::StepToken& token : got.tokens) {
    LiveStream second(server_);
    v1::LiveOpening opening = Opening();
    opening.set_state_token(token.state_token());
    opening.set_require_exact(true);
    second.Open(opening);
    second.Text(text.substr(token.step() + 1));
    second.HalfClose();
    const LiveReply reply = second.Finish();
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_TRUE(reply.opened->exact());
    EXPECT_EQ(reply.opened->steps_done(), token.step() + 1);
    const std::string& scores = whole.scores().data();
    const std::string last = Last(reply, whole.scores());
    EXPECT_EQ(last, scores.substr(scores.size() - last.size()));
    EXPECT_EQ(reply.final->steps_done(),
              token.step() + 1 + std::ssize(reply.steps));
  }
}

TEST_F(LiveTest, TokensComeEverySoManySteps) {
  LiveStream stream(server_);
  v1::LiveOpening opening = Opening();
  opening.mutable_outputs()->set_state_token_every(3);
  stream.Open(opening);
  stream.Text("abcdefgh");
  stream.HalfClose();
  const LiveReply reply = stream.Finish();
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  ASSERT_EQ(reply.tokens.size(), 2);
  EXPECT_EQ(reply.tokens[0].step(), 2);
  EXPECT_EQ(reply.tokens[1].step(), 5);
}

TEST_F(LiveTest, AnEmptySequenceEndsWithTheStateItBeganWith) {
  LiveStream stream(server_);
  v1::LiveOpening opening = Opening();
  opening.mutable_outputs()->add_results(v1::FINAL_STATE);
  stream.Open(opening);
  stream.HalfClose();
  const LiveReply reply = stream.Finish();
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_TRUE(reply.steps.empty());
  const std::string& h = reply.final->final_state().tensors().at("h").data();
  EXPECT_EQ(h, std::string(h.size(), '\0'));
}

TEST_F(LiveTest, MetricsTellOfLiveSequences) {
  LiveStream stream(server_);
  stream.Open(Opening());
  stream.Text("abc");
  LiveReply reply;
  stream.ReadSteps(3, reply);
  while (server_.Metric("unroll_sequences_waiting") != 1) {
  }
  EXPECT_EQ(server_.Metric("unroll_sequences_live"), 1);
  EXPECT_GT(server_.Metric("unroll_state_bytes"), 0);
  stream.Cancel();
  EXPECT_EQ(stream.Finish().status.error_code(), grpc::CANCELLED);
  while (server_.Metric("unroll_sequences_live") != 0) {
  }
  EXPECT_EQ(
      server_.Metric("unroll_sequences_cancelled_total", "model=\"langid\""),
      1);
}

}  // namespace
}  // namespace unroll::testing
