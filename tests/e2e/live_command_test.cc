// `unroll live`, from pipes and files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/golden.h"
#include "tests/support/predict.h"
#include "tests/support/readme.h"
#include "tests/support/temp_directory.h"

namespace unroll::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class LiveCommandTest : public ::testing::Test {
 protected:
  // stdout and stderr of a shell in an empty directory.
  Finished Shell(const std::string& script, const std::string& server) {
    const std::string bin =
        std::filesystem::path(UNROLL_CLIENT_BINARY).parent_path();
    return RunProcess(
        {.arguments = {"sh", "-ec",
                       absl::StrCat("cd ", work_.path(), "; PATH=", bin,
                                    ":$PATH; export UNROLL_SERVER=", server,
                                    "\n", script)}});
  }
  static std::vector<json> Lines(const std::string& output) {
    std::vector<json> lines;
    for (const auto line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
      lines.push_back(json::parse(std::string(line)));
    }
    return lines;
  }

  TempDirectory work_;
};

TEST_F(LiveCommandTest, GoesAsReadmeShows) {
  const ServerProcess server(UNROLL_MODELS);
  const std::string shell = ShellOfReadme("### Live sequences");
  ASSERT_THAT(shell, HasSubstr("unroll live"));
  const Finished finished = Shell(shell, server.address());
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("     4  n "));
  EXPECT_THAT(finished.output, HasSubstr("12 steps in all"));
}

TEST_F(LiveCommandTest, AJsonObjectAStepWithTheNumbersOfPredict) {
  const ServerProcess server(UNROLL_MODELS);
  const std::string text = "año nuevo";
  const Finished finished =
      Shell(absl::StrCat("printf '", text, "\\n' > file; ",
                         "unroll live langid --json --input file"),
            server.address());
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text(text);
  const auto want = Predict(server, request);
  const v1::SequenceResult& result = want.response.results(0);
  const std::vector<float> hidden = Values(result.hidden());
  const std::vector<json> lines = Lines(finished.output);
  ASSERT_EQ(std::ssize(lines), result.token_ids_size() + 1);
  const size_t width = hidden.size() / result.token_ids_size();
  for (int t = 0; t < result.token_ids_size(); ++t) {
    EXPECT_EQ(lines[t]["step"], t);
    EXPECT_EQ(lines[t]["token_id"], result.token_ids(t));
    EXPECT_EQ(lines[t]["hidden"].get<std::vector<float>>(),
              std::vector<float>(hidden.begin() + t * width,
                                 hidden.begin() + (t + 1) * width));
  }
  EXPECT_EQ(lines.back()["final"]["model"], "langid");
}

// A model "words", of 7 words.
void MakeWordModel(TempDirectory& directory) {
  golden::WriteModelFolder(golden::FindCase("softmax_h_n_d1_bias_c3_v7_h5"),
                           directory.path() + "/words");
  const std::string path = directory.path() + "/words/config.json";
  json config = json::parse(std::ifstream(path));
  config["tokenizer"] = "words";
  config["blank_token"] = "<blank>";
  std::ofstream(path) << config;
  directory.Write("words/vocab.txt", "<blank>\nthe\na\nsun\nmoon\nin\neast\n");
}

TEST_F(LiveCommandTest, WordsAndRowsAreStepsToo) {
  TempDirectory directory;
  const std::string name = "tanh_l3_d1_bias_zero_i1_h1_t24";
  WriteRepository(directory.path(), {golden::FindCase(name)});
  MakeWordModel(directory);
  const ServerProcess server(directory.path());
  Finished finished =
      Shell("printf 'the sun [ ]\n' | unroll live words", server.address());
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("     2  [ ] "));
  EXPECT_THAT(finished.output, ::testing::Not(HasSubstr("     3  ")));
  finished = Shell(
      absl::StrCat("printf '[[0.5]]\\n[[1], [2]]\\n' | unroll live ", name),
      server.address());
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("     2  "));
  finished = Shell(absl::StrCat("echo '[[1, 2]]' | unroll live ", name),
                   server.address());
  EXPECT_EQ(finished.exit_code, 1) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("shape [1,2], expected [T,1]"));
  finished =
      Shell(absl::StrCat("echo oops | unroll live ", name), server.address());
  EXPECT_EQ(finished.exit_code, 2) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("line 1: "));
}

// `script` lets it run at a terminal.
TEST_F(LiveCommandTest, AtATerminalThePredictionFollowsTheKeys) {
  const ServerProcess server(UNROLL_MODELS);
  const Finished finished = Shell(R"(
mkfifo keys
script -qec 'unroll live langid' /dev/null < keys > shown &
exec 3> keys
until grep -q 'End with Ctrl-D' shown; do :; done
printf 'abc\004' >&3
wait $!
cat shown)",
                                  server.address());
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr(" abc | German"));
}

TEST_F(LiveCommandTest, TheNextServerOfAListAnswers) {
  const ServerProcess server(UNROLL_MODELS);
  const Finished finished =
      Shell("printf abc | unroll live langid",
            absl::StrCat("127.0.0.1:", FreePort(), ",", server.address()));
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("     2  c "));
}

}  // namespace
}  // namespace unroll::testing
