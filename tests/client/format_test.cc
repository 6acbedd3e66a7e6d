#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "client/command/outputs.h"
#include "client/command/print_model.h"
#include "client/command/print_scores.h"
#include "client/command/repeat.h"
#include "client/command/table.h"
#include "client/command/text.h"
#include "client/sequence.h"

namespace unroll::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::TopK Top(const std::vector<std::pair<std::string, float>>& classes) {
  v1::TopK top;
  for (const auto& [label, score] : classes) {
    v1::ScoredClass& scored = *top.add_classes();
    scored.set_label(label);
    scored.set_score(score);
  }
  return top;
}

v1::Head HeadOf(const std::string& activation) {
  v1::Head head;
  head.set_classes(2);
  head.set_activation(activation);
  head.add_labels("yes");
  head.add_labels("no");
  return head;
}

TEST(TextTest, CodePointsAndWordsOfUnicodeText) {
  EXPECT_THAT(CodePoints("a\u00e9\u20ac\U0001f600").value(),
              ElementsAre("a", "\u00e9", "\u20ac", "\U0001f600"));
  EXPECT_THAT(Words(" one\u3000two\t\u00e9\n").value(),
              ElementsAre("one", "two", "\u00e9"));
}

TEST(TextTest, WhatIsNotUtf8IsFoundByItsByte) {
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"ab\xff", "byte 2"},       {"\x80", "byte 0"},
      {"a\xc3", "byte 1"},        {"\xc0\xaf", "byte 0"},
      {"\xed\xa0\x80", "byte 0"}, {"\xf4\x90\x80\x80", "byte 0"},
      {"\xe0\x9f\xbf", "byte 0"},
  };
  for (const auto& test : kCases) {
    EXPECT_THAT(std::string(CodePoints(test.text).status().message()),
                HasSubstr(test.message));
  }
}

TEST(TextTest, PrintableLetsNoControlCharacterThrough) {
  EXPECT_EQ(Printable("a\tb\x1b[2J\u00e9\xff\u0085"),
            "a\\tb\\x1b[2J\u00e9\\xff\\xc2\\x85");
}

TEST(TableTest, ColumnsAlignByCodePoints) {
  EXPECT_EQ(FormatTable({{"n\u00e9", "1"}, {"long", "2", "x"}, {"z"}}, 1),
            " n\u00e9    1\n long  2  x\n z\n");
}

TEST(TableTest, BarsAreCutToTheirWidth) {
  EXPECT_EQ(Bar(0.5, 4, false), "##");
  EXPECT_EQ(Bar(7, 4, false), "####");
  EXPECT_EQ(Bar(-1, 4, false), "");
  EXPECT_EQ(Bar(std::nan(""), 4, true), "");
  EXPECT_EQ(Bar(0.375, 4, true), "\u2588\u258c");
}

TEST(TableTest, BytesHaveAUnit) {
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1'400'000), "1.4 MB");
}

TEST(ScoreFormatTest, ABlockHasALineAClass) {
  const ScoreFormat format(HeadOf("softmax"), false);
  EXPECT_EQ(format.Block(Top({{"no", 0.75f}, {"yes", 0.25f}}), 2),
            "  no      0.7500  ##############################\n"
            "  yes     0.2500  ##########\n");
}

TEST(ScoreFormatTest, ScoresWithoutAScaleAreShownAgainstTheBest) {
  const ScoreFormat format(HeadOf("identity"), false);
  EXPECT_EQ(format.Block(Top({{"no", 20}, {"yes", -3}}), 0),
            "no          20  ########################################\n"
            "yes         -3\n");
  EXPECT_EQ(format.Block(Top({{"no", -1}}), 0), "no          -1\n");
}

TEST(ScoreFormatTest, LogProbabilitiesGetTheirProbabilitysBar) {
  const ScoreFormat format(HeadOf("log_softmax"), false);
  EXPECT_EQ(format.Block(Top({{"no", 0}}), 0),
            "no           0  ########################################\n");
}

TEST(StepFormatTest, AStepIsOneLine) {
  const ScoreFormat scores(HeadOf("softmax"), false);
  const StepFormat format(scores, {"h", "' '"});
  const v1::TopK top = Top({{"no", 0.75f}, {"yes", 0.25f}});
  EXPECT_EQ(format.Line(0, &top, {}),
            "     0  h    no      0.7500  ###############       yes 0.2500\n");
  const float hidden[] = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(
      StepFormat(scores, {}).Line(12, nullptr, hidden),
      "    12           1          2          3          4          5      "
      "    6 ...\n");
}

TEST(StepTokensTest, TextIsShownWhereTheSplitIsKnown) {
  v1::GetModelResponse model;
  google::protobuf::RepeatedField<int64_t> ids;
  ids.Add(5);
  ids.Add(6);
  EXPECT_THAT(StepTokens(TextSequence("a "), model, ids),
              ElementsAre("5", "6"));
  v1::Fact& fact = *model.add_facts();
  fact.set_name("tokenizer");
  fact.set_value("characters");
  EXPECT_THAT(StepTokens(TextSequence("a "), model, ids),
              ElementsAre("a", "' '"));
  EXPECT_THAT(StepTokens(TextSequence("[ ]a"), model, ids),
              ElementsAre("5", "6"))
      << "the server counted other tokens than we do";
  fact.set_value("words");
  EXPECT_THAT(StepTokens(TextSequence("two words"), model, ids),
              ElementsAre("two", "words"));
}

TEST(ChooseOutputsTest, TheDefaultsFitTheViewAndTheModel) {
  v1::GetModelResponse model;
  *model.mutable_head() = HeadOf("softmax");
  model.mutable_head()->set_applied_to("each_step");
  const v1::Outputs table = ChooseOutputs({}, model, View::kSummary);
  EXPECT_THAT(table.results(), ElementsAre(v1::SCORES));
  EXPECT_TRUE(table.has_last());
  EXPECT_EQ(table.top_k(), 2) << "no more than there are classes";
  const v1::Outputs everything = ChooseOutputs({}, model, View::kEverything);
  EXPECT_EQ(everything.results_size(), 0);
  EXPECT_EQ(everything.steps_case(), v1::Outputs::STEPS_NOT_SET);
  EXPECT_EQ(everything.top_k(), 0);
  OutputFlags hidden_only;
  hidden_only.outputs.add_results(v1::HIDDEN);
  EXPECT_EQ(ChooseOutputs(hidden_only, model, View::kSummary).top_k(), 0);
  model.clear_head();
  EXPECT_THAT(ChooseOutputs({}, model, View::kSteps).results(),
              ElementsAre(v1::HIDDEN, v1::FINAL_STATE));
}

TEST(RepeatTest, CountsEveryCallOnce) {
  std::atomic<int> calls = 0;
  const RepeatReport report = Repeat(
      [&] {
        return ++calls % 4 == 0 ? absl::UnavailableError("busy")
                                : absl::OkStatus();
      },
      100, 7);
  EXPECT_EQ(calls, 100);
  EXPECT_EQ(report.latencies.size(), 75u);
  EXPECT_EQ(report.errors.at(absl::StatusCode::kUnavailable), 25);
  EXPECT_EQ(report.first_error, absl::UnavailableError("busy"));
  EXPECT_THAT(FormatReport(report),
              HasSubstr("75 calls ok, 25 UNAVAILABLE in"));
}

TEST(RepeatTest, PercentilesAreOfTheNearestRank) {
  std::vector<absl::Duration> latencies;
  EXPECT_EQ(Percentile(latencies, 0.5), absl::ZeroDuration());
  for (int i = 1; i <= 200; ++i) latencies.push_back(absl::Milliseconds(i));
  EXPECT_EQ(Percentile(latencies, 0.5), absl::Milliseconds(100));
  EXPECT_EQ(Percentile(latencies, 0.99), absl::Milliseconds(198));
  EXPECT_EQ(Percentile(latencies, 1), absl::Milliseconds(200));
}

TEST(FormatModelTest, FactsAreShownWithTheirSource) {
  v1::GetModelResponse model;
  model.set_name("m");
  model.set_version(3);
  v1::Fact& fact = *model.add_facts();
  fact.set_name("nonlinearity");
  fact.set_value("tanh");
  fact.set_source(v1::Fact::ASSUMED);
  EXPECT_THAT(FormatModel(model), HasSubstr("m version 3\n"));
  EXPECT_THAT(FormatModel(model), HasSubstr("  nonlinearity  tanh  assumed\n"));
  EXPECT_EQ(FormatModels({}), "no models\n");
}

}  // namespace
}  // namespace unroll::client
