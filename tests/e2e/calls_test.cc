// What callers can ask for: results, steps, top classes, candidates, text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using unroll::testing::Predict;
using unroll::testing::PredictReply;
using unroll::testing::PredictStream;
using unroll::testing::ServerProcess;
using unroll::testing::ShapeOf;
using unroll::testing::Values;

// The bundled models: langid takes text and gives languages.
class CallsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<ServerProcess>(UNROLL_MODELS);
  }
  static void TearDownTestSuite() { server_.reset(); }

  static v1::PredictRequest Text(const std::vector<std::string>& texts) {
    v1::PredictRequest request;
    request.set_model("langid");
    for (const std::string& text : texts) {
      request.add_sequences()->set_text(text);
    }
    return request;
  }
  static PredictReply Ok(const v1::PredictRequest& request) {
    PredictReply reply = Predict(*server_, request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply;
  }

  static std::unique_ptr<ServerProcess> server_;
};

std::unique_ptr<ServerProcess> CallsTest::server_;

constexpr int64_t kClasses = 12;

TEST_F(CallsTest, AllResultsOfAllStepsComeByDefault) {
  const auto reply = Ok(Text({"hello", "a"}));
  ASSERT_EQ(reply.response.results_size(), 2);
  const auto& first = reply.response.results(0);
  EXPECT_EQ(first.hidden().shape(0), 5);
  EXPECT_THAT(ShapeOf(first.scores()), ElementsAre(5, kClasses));
  EXPECT_EQ(first.token_ids_size(), 5);
  EXPECT_TRUE(first.has_final_state());
  EXPECT_EQ(first.top_size(), 0);
  EXPECT_THAT(ShapeOf(reply.response.results(1).scores()),
              ElementsAre(1, kClasses));
  EXPECT_EQ(reply.response.version(), 1);
  EXPECT_EQ(reply.response.request_id().size(), 16u);
  EXPECT_GT(reply.response.timing().compute().nanos(), 0);
}

TEST_F(CallsTest, OnlyTheResultsAskedForCome) {
  auto request = Text({"hello"});
  request.mutable_outputs()->add_results(v1::FINAL_STATE);
  const auto reply = Ok(request);
  EXPECT_FALSE(reply.response.results(0).has_hidden());
  EXPECT_FALSE(reply.response.results(0).has_scores());
  EXPECT_TRUE(reply.response.results(0).has_final_state());
}

TEST_F(CallsTest, TheLastStepAloneIsTheLastOfAll) {
  auto request = Text({"hello"});
  const auto all = Ok(request);
  request.mutable_outputs()->mutable_last();
  const auto last = Ok(request);
  const std::vector<float> want = Values(all.response.results(0).scores());
  const std::vector<float> got = Values(last.response.results(0).scores());
  ASSERT_EQ(std::ssize(got), kClasses);
  for (int64_t i = 0; i < kClasses; ++i) {
    EXPECT_NEAR(got[i], want[4 * kClasses + i], 1e-6);
  }
}

TEST_F(CallsTest, GivenStepsAreThoseOfAll) {
  auto request = Text({"hello"});
  const auto all = Values(Ok(request).response.results(0).hidden());
  request.mutable_outputs()->mutable_indices()->add_indices(1);
  request.mutable_outputs()->mutable_indices()->add_indices(3);
  const auto two = Values(Ok(request).response.results(0).hidden());
  const size_t width = all.size() / 5;
  ASSERT_EQ(two.size(), 2 * width);
  for (size_t i = 0; i < width; ++i) {
    EXPECT_NEAR(two[i], all[width + i], 1e-6);
    EXPECT_NEAR(two[width + i], all[3 * width + i], 1e-6);
  }
}

TEST_F(CallsTest, TopClassesAreTheBestWithLabels) {
  auto request = Text({"exercise"});
  request.mutable_outputs()->set_top_k(3);
  request.mutable_outputs()->mutable_last();
  const auto reply = Ok(request);
  const auto scores = Values(reply.response.results(0).scores());
  ASSERT_EQ(reply.response.results(0).top_size(), 1);
  const auto& top = reply.response.results(0).top(0);
  ASSERT_EQ(top.classes_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(top.classes(i).score(), scores[top.classes(i).class_()]);
    if (i > 0) {
      EXPECT_LE(top.classes(i).score(), top.classes(i - 1).score());
    }
  }
  EXPECT_EQ(top.classes(0).score(),
            *std::max_element(scores.begin(), scores.end()));
  EXPECT_EQ(top.classes(0).label(), "English");
}

TEST_F(CallsTest, TopClassesCanComeAlone) {
  auto request = Text({"exercise"});
  request.mutable_outputs()->set_top_k(1);
  request.mutable_outputs()->add_results(v1::TOP);
  const auto reply = Ok(request);
  const auto& result = reply.response.results(0);
  EXPECT_EQ(result.top_size(), 8);
  EXPECT_FALSE(result.has_scores());
  EXPECT_FALSE(result.has_hidden());
  EXPECT_FALSE(result.has_final_state());
}

TEST_F(CallsTest, CandidatesAloneComeBackInTheirOrder) {
  auto request = Text({"exercise"});
  request.mutable_outputs()->mutable_last();
  const auto all = Values(Ok(request).response.results(0).scores());
  request.mutable_outputs()->add_candidates()->set_label("Polish");
  request.mutable_outputs()->add_candidates()->set_class_(3);
  request.mutable_outputs()->set_top_k(2);
  const auto reply = Ok(request);
  const auto& result = reply.response.results(0);
  EXPECT_THAT(ShapeOf(result.scores()), ElementsAre(1, 2));
  EXPECT_NEAR(Values(result.scores())[1], all[3], 1e-6);
  ASSERT_EQ(result.top(0).classes_size(), 2);
  EXPECT_EQ(result.top(0).classes(0).label(), "English");
  EXPECT_EQ(result.top(0).classes(1).label(), "Polish");
}

TEST_F(CallsTest, TheCallersRequestIdComesBack) {
  auto request = Text({"a"});
  request.set_request_id("order 66");
  EXPECT_EQ(Ok(request).response.request_id(), "order 66");
}

TEST_F(CallsTest, StateCarriedOverComesToTheWhole) {
  const auto whole = Ok(Text({"hello world"}));
  const auto first = Ok(Text({"hello"}));
  auto request = Text({" world"});
  *request.mutable_sequences(0)->mutable_initial_state() =
      first.response.results(0).final_state();
  const auto rest = Ok(request);
  const auto want =
      Values(whole.response.results(0).final_state().tensors().at("h"));
  const auto got =
      Values(rest.response.results(0).final_state().tensors().at("h"));
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5);
}

TEST_F(CallsTest, StreamedStepsAreThoseOfPredict) {
  const std::string text = "la vie est belle";
  const auto want = Ok(Text({text}));
  v1::PredictStreamRequest request;
  request.set_model("langid");
  request.mutable_sequence()->set_text(text);
  request.mutable_outputs()->set_top_k(1);
  request.set_request_id("stream 1");
  const auto reply = PredictStream(*server_, request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  const auto expected = Values(want.response.results(0).scores());
  const auto got = Values(reply.result.scores());
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], 1e-6);
  }
  int64_t next = 0;
  for (const auto& message : reply.messages) {
    for (int64_t step : message.steps()) EXPECT_EQ(step, next++);
  }
  EXPECT_EQ(next, std::ssize(text));
  EXPECT_EQ(reply.result.top_size(), std::ssize(text));
  EXPECT_EQ(reply.result.token_ids_size(), std::ssize(text));
  ASSERT_TRUE(reply.messages.back().has_final());
  EXPECT_EQ(reply.messages.back().final().request_id(), "stream 1");
  EXPECT_EQ(reply.messages.back().final().version(), 1);
}

}  // namespace
}  // namespace unroll
