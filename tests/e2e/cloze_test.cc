// The bundled model that fills a blank, through the real command.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::Finished;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;

constexpr char kSentence[] = "exercise is very effective at [ ] belly fat";

const ServerProcess& Server() {
  static const ServerProcess server(UNROLL_MODELS, {"--max-batch-rows=4"});
  return server;
}

Finished PredictCloze(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {UNROLL_CLIENT_BINARY, "predict", "cloze",
                                       "--server=" + Server().address()});
  return RunProcess({.arguments = std::move(arguments)});
}

// Which is best is for the model to say, not for a test: the card tells.
TEST(ClozeTest, RanksTheCandidatesForTheBlank) {
  const Finished finished = PredictCloze(
      {"--text", kSentence, "--candidates", "reducing,increasing,multiplying",
       "--json", "--steps", "blanks", "--top-k", "3"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  const auto json = nlohmann::json::parse(finished.output);
  EXPECT_EQ(json["steps"], nlohmann::json::parse("[5]"));
  const auto& top = json["top"][0];
  std::set<std::string> labels;
  double before = 1;
  for (const auto& scored : top) {
    labels.insert(scored["label"].get<std::string>());
    EXPECT_LE(scored["score"].get<double>(), before);
    before = scored["score"].get<double>();
  }
  EXPECT_EQ(labels,
            (std::set<std::string>{"increasing", "multiplying", "reducing"}));
}

TEST(ClozeTest, NamesTheWordsForTheBlank) {
  const Finished finished =
      PredictCloze({"--text", "birds build their [ ] in trees"});
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("nests"));
}

TEST(ClozeTest, ACandidateThatIsNoWordOfItsIsNamed) {
  const Finished finished =
      PredictCloze({"--text", kSentence, "--candidates", "reducing,xyzzy"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.output, HasSubstr("\"xyzzy\""));
}

}  // namespace
}  // namespace unroll
