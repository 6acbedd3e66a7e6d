#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <sstream>
#include <streambuf>
#include <string>
#include <vector>

#include "client/command/commands.h"
#include "client/command/json.h"
#include "client/npy.h"
#include "tests/client/test_server.h"

namespace unroll::client {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Ran {
  int code;
  std::string out;
  std::string err;
};

// Runs `unroll` with these arguments.
Ran Unroll(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "unroll");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments)
    argv.push_back(argument.c_str());
  std::istringstream in(input);
  std::ostringstream out, err;
  Terminal terminal = {in, out, err};
  const int code =
      RunCommand(static_cast<int>(argv.size()), argv.data(), terminal);
  return {code, out.str(), err.str()};
}

class CommandTest : public testing::Test {
 protected:
  // Runs a subcommand against the server.
  Ran Call(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return Unroll(std::move(arguments), input);
  }

  // A directory of this test, empty.
  std::string Directory() {
    const std::string path =
        testing::TempDir() + "/" +
        testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
  }

  TestServer server_;
};

std::vector<Json> Lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(Json::parse(line));
  }
  return lines;
}

TEST_F(CommandTest, HelpTeachesEverySubcommand) {
  for (const char* command :
       {"models", "model", "predict", "stream", "bench", "health"}) {
    const Ran ran = Unroll({command, "--help"});
    EXPECT_EQ(ran.code, kSuccess);
    EXPECT_THAT(ran.out, AllOf(HasSubstr("Examples:"), HasSubstr("--server"),
                               HasSubstr("localhost:8001"),
                               HasSubstr("--timeout"), HasSubstr("--json")));
  }
  EXPECT_THAT(Unroll({"--version"}).out, HasSubstr("unroll "));
}

TEST_F(CommandTest, BadUsageIsToldWithoutACall) {
  const std::vector<std::vector<std::string>> kCases = {
      {},
      {"dance"},
      {"predict"},
      {"predict", "letters", "--steps", "3,1"},
      {"predict", "letters", "--timeout", "5"},
      {"predict", "letters", "--results", "output"},
      {"predict", "letters", "--candidates", "a,,b"},
      {"predict", "letters", "--top-k", "-1"},
      {"predict", "letters", "--repeat", "0"},
      {"predict", "letters", "--concurrency", "2"},
      {"predict", "letters", "--repeat", "2", "--output-dir", "x"},
      {"stream", "letters", "--repeat", "2"},
      {"bench", "letters"},
      {"bench", "letters", "--rate", "0"},
      {"bench", "letters", "--rate", "5", "--concurrency", "5"},
      {"bench", "letters", "--rate", "5", "--live", "5"},
      {"bench", "letters", "--rate", "1e6", "--duration", "1h"},
      {"bench", "letters", "--rate", "5", "--arrivals", "sometimes"},
      {"bench", "letters", "--rate", "5", "--lengths", "w5"},
      {"bench", "letters", "--rate", "5", "--slo", "p99"},
      {"bench", "letters", "--rate", "5", "--duration", "0s"},
      {"bench", "letters", "--rate", "5", "--call", "unary"},
      {"bench", "letters", "--concurrency", "5", "--arrivals", "fixed"},
      {"bench", "letters", "--live", "5", "--call", "live"},
      {"bench", "letters", "--live", "5", "--duration", "1ms"},
      {"health", "--nonsense"},
      {"models", "--model-version", "3"},
  };
  for (const auto& arguments : kCases) {
    const Ran ran = Unroll(arguments);
    EXPECT_EQ(ran.code, kBadUsage) << testing::PrintToString(arguments);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_NE(ran.err, "") << testing::PrintToString(arguments);
  }
}

TEST_F(CommandTest, BadInputIsToldWithItsPlace) {
  const struct {
    std::vector<std::string> arguments;
    std::string input;
    const char* message;
  } kCases[] = {
      {{"predict", "letters", "--input", "no.npy"}, "", "no.npy: no such file"},
      {{"predict", "letters", "--text", "a\xff"}, "", "--text: byte 1"},
      {{"predict", "letters"}, "", "standard input: no sequences"},
      {{"predict", "letters"}, "a\n\nb\n", "standard input, line 2: empty"},
      {{"predict", "once"}, "1 2 x\n", "standard input, line 1: \"x\""},
      {{"stream", "features"}, "[[1, 2], [3]]\n", "line 1: row 1"},
      {{"predict", "features", "--input",
        UNROLL_TEST_DATA "/npy/float32_scalar.npy"},
       "",
       "float32 of shape [], expected features [T,I]"},
      {{"predict", "letters", "--text", "a", "--initial-state",
        UNROLL_TEST_DATA "/npy/int64_4.npy"},
       "",
       "integers, expected float32"},
  };
  for (const auto& test : kCases) {
    const Ran ran = Call(test.arguments, test.input);
    EXPECT_EQ(ran.code, kBadUsage) << test.message;
    EXPECT_THAT(ran.err, HasSubstr(test.message));
  }
}

TEST_F(CommandTest, AFailedCallIsToldWithItsCode) {
  const Ran ran = Call({"predict", "missing", "--text", "a"});
  EXPECT_EQ(ran.code, kCallFailed);
  EXPECT_EQ(
      ran.err,
      "unroll: NOT_FOUND: no model \"missing\", known: features, letters, "
      "once\n");
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST_F(CommandTest, ModelsAreListedOrShownInFull) {
  EXPECT_THAT(
      Call({"models"}).out,
      AllOf(HasSubstr("letters   7 *      ready   summary of letters\n"),
            HasSubstr("broken    1        failed  model.safetensors")));
  EXPECT_EQ(Call({"model", "letters"}).out, Call({"models", "letters"}).out);
  EXPECT_THAT(Call({"model", "letters"}).out,
              AllOf(HasSubstr("letters version 7"), HasSubstr("red green blue"),
                    HasSubstr("nonlinearity  tanh        assumed")));
  EXPECT_EQ(Lines(Call({"models", "--json"}).out)[3]["error"],
            "model.safetensors: 3 bytes");
  const Json model = Lines(Call({"models", "once", "--json"}).out)[0];
  EXPECT_EQ(model["head"]["applied_to"], "last_step");
  EXPECT_EQ(model["facts"][0]["source"], "ASSUMED");
}

TEST_F(CommandTest, HealthIsInTheExitCode) {
  EXPECT_EQ(Call({"health"}).code, kSuccess);
  EXPECT_EQ(Call({"health"}).out, "SERVING\n");
  EXPECT_EQ(Call({"health", "broken"}).code, kCallFailed);
  EXPECT_EQ(Call({"health", "broken"}).out, "NOT_SERVING\n");
  EXPECT_EQ(Call({"health", "unknown"}).code, kCallFailed);
}

TEST_F(CommandTest, PredictShowsTheBestClassesOfTheLastStep) {
  const Ran ran = Call({"predict", "letters", "--text", "abc", "--text", "d"});
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  EXPECT_EQ(ran.out,
            "\"abc\", 3 steps\n"
            "  green     0.7000  ############################\n"
            "  red       0.2000  ########\n"
            "  blue      0.1000  ####\n"
            "\"d\", 1 step\n"
            "  green     0.7000  ############################\n"
            "  red       0.2000  ########\n"
            "  blue      0.1000  ####\n"
            "letters version 7, queue 1.5 ms, compute 0 ms\n");
}

TEST_F(CommandTest, PredictShowsHiddenWhereThereAreNoScores) {
  const Ran ran = Call({"predict", "features"}, "[[1, 2], [3, 4]]\n");
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("line 1, 2 steps\n"),
                             HasSubstr("hidden, step 1 of width 2\n"),
                             HasSubstr("      1.25         -1\n"),
                             HasSubstr("h_n [1,2]\n")));
}

// Has no memory for what is written to it.
class FullBuffer : public std::streambuf {
 protected:
  int overflow(int) override { throw std::bad_alloc(); }
};

TEST_F(CommandTest, WithoutMemoryTheCallFails) {
  FullBuffer full;
  std::ostream out(&full);
  out.exceptions(std::ios::badbit);  // passes exceptions on
  std::istringstream in;
  std::ostringstream err;
  Terminal terminal = {in, out, err};
  const std::string address = server_.address();
  const char* const argv[] = {"unroll", "models", "--server", address.c_str()};
  EXPECT_EQ(RunCommand(4, argv, terminal), kCallFailed);
  EXPECT_THAT(err.str(), HasSubstr("RESOURCE_EXHAUSTED: not enough memory"));
}

TEST_F(CommandTest, PredictWritesJsonForEachLine) {
  const Ran ran =
      Call({"predict", "letters", "--json", "--top-k", "1"}, "ab\nc\n");
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  const std::vector<Json> lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["hidden"], Json::parse("[[0.25, 0.0], [1.25, -1.0]]"));
  EXPECT_EQ(lines[0]["h_n"], Json::parse("[[1.25, -1.0]]"));
  EXPECT_EQ(lines[0]["steps"], Json::parse("[0, 1]"));
  EXPECT_EQ(lines[1]["scores"], Json::parse("[[0.2, 0.7, 0.1]]"));
  EXPECT_EQ(lines[1]["top"][0][0]["label"], "green");
  EXPECT_EQ(lines[1]["token_ids"], Json::parse("[99]"));
}

TEST_F(CommandTest, PredictWritesFilesOfEachSequence) {
  const std::string directory = Directory();
  const Ran ran = Call({"predict", "letters", "--text", "ab", "--text", "c",
                        "--output-dir", directory});
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("/0/hidden.npy float32 [2,2]\n"));
  EXPECT_THAT(ReadNpy(directory + "/0/hidden.npy")->shape, ElementsAre(2, 2));
  EXPECT_THAT(ReadNpy(directory + "/1/h_n.npy")->shape, ElementsAre(1, 2));
  EXPECT_THAT(ReadNpy(directory + "/1/scores.npy")->shape, ElementsAre(1, 3));
  EXPECT_THAT(std::get<std::vector<int64_t>>(
                  ReadNpy(directory + "/0/token_ids.npy")->values),
              ElementsAre('a', 'b'));
}

TEST_F(CommandTest, StreamWritesTheSameFilesAsPredict) {
  const std::string directory = Directory();
  for (const char* command : {"predict", "stream"}) {
    const Ran ran =
        Call({command, "once", "--input", UNROLL_TEST_DATA "/npy/int32_4.npy",
              "--output-dir", directory + "/" + command});
    EXPECT_EQ(ran.code, kSuccess) << ran.err;
  }
  for (const char* name : {"hidden", "h_n", "scores"}) {
    const auto want = ReadNpy(directory + "/predict/" + name + ".npy");
    const auto got = ReadNpy(directory + "/stream/" + name + ".npy");
    ASSERT_TRUE(want.ok() && got.ok()) << name;
    EXPECT_EQ(want->shape, got->shape) << name;
    EXPECT_EQ(want->values, got->values) << name;
  }
}

TEST_F(CommandTest, StreamPrintsALineAStep) {
  const Ran ran = Call({"stream", "letters"}, "a b\n");
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  EXPECT_EQ(ran.out,
            "\"a b\"\n"
            "     0  a    green     0.7000  ##############        red 0.2000  "
            "blue 0.1000\n"
            "     1  ' '  green     0.7000  ##############        red 0.2000  "
            "blue 0.1000\n"
            "     2  b    green     0.7000  ##############        red 0.2000  "
            "blue 0.1000\n"
            "letters version 7, queue 0 ms, compute 0 ms\n");
}

TEST_F(CommandTest, StreamEndsWithTheScoresOfAHeadAppliedOnce) {
  const Ran ran = Call({"stream", "once"}, "4 5\n");
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("     1  5        1.25         -1\n"),
                             HasSubstr("  green     0.7000  ####")));
}

TEST_F(CommandTest, StreamWritesJsonForEachStepAndTheEnd) {
  const Ran ran = Call(
      {"stream", "letters", "--text", "ab", "--json", "--request-id", "mine"});
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  const std::vector<Json> lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["step"], 1);
  EXPECT_EQ(lines[1]["token_id"], 98);
  EXPECT_EQ(lines[1]["hidden"], Json::parse("[1.25, -1.0]"));
  EXPECT_EQ(lines[2]["final"]["h_n"], Json::parse("[[1.25, -1.0]]"));
  EXPECT_EQ(lines[2]["final"]["request_id"], "mine");
}

TEST_F(CommandTest, RepeatReportsLatencyInsteadOfResults) {
  const Ran ran = Call({"predict", "letters", "--text", "ab", "--repeat", "20",
                        "--concurrency", "4"});
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("20 calls ok in "), HasSubstr("p99 ")));
}

TEST_F(CommandTest, TheServerIsTakenFromTheEnvironment) {
  setenv("UNROLL_SERVER", server_.address().c_str(), 1);
  const Ran ran = Unroll({"health"});
  unsetenv("UNROLL_SERVER");
  EXPECT_EQ(ran.code, kSuccess) << ran.err;
}

TEST_F(CommandTest, TextIsTakenAsItStands) {
  for (const char* text : {"[a,b]", "{}", "%%"}) {
    const Ran ran = Call({"predict", "letters", "--text", text, "--json"});
    EXPECT_EQ(ran.code, kSuccess) << ran.err;
    EXPECT_EQ(Lines(ran.out).at(0)["token_ids"].size(), strlen(text));
  }
  EXPECT_EQ(Call({"predict", "letters", "--text=-x"}).code, kSuccess);
}

}  // namespace
}  // namespace unroll::client
