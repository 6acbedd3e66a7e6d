// The real `unroll` command against the real server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/npy.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using unroll::testing::Finished;
using unroll::testing::Process;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::WriteRepository;

Finished RunClient(const ServerProcess& server,
                   const std::vector<std::string>& arguments,
                   const std::string& input = "") {
  Process::Options options;
  options.arguments = {UNROLL_CLIENT_BINARY};
  options.arguments.insert(options.arguments.end(), arguments.begin(),
                           arguments.end());
  options.arguments.push_back("--server=" + server.address());
  options.input = input;
  return RunProcess(options);
}

class TextServer {
 public:
  static const ServerProcess& Get() {
    static const ServerProcess server(UNROLL_MODELS);
    return server;
  }
};

// One case of each kind of head, with features and with tokens, with and
// without initial state.
class NpyTest : public ::testing::TestWithParam<golden::Case> {};

TEST_P(NpyTest, FilesInAndOutGivePyTorchsNumbers) {
  const golden::Case& c = GetParam();
  TempDirectory directory;
  const std::string path = directory.path();
  const ServerProcess server(WriteRepository(path + "/models", {c}));

  client::NpyArray input;
  if (c.vocabulary_size > 0) {
    const std::vector<int32_t> tokens = golden::Tokens(c);
    input = {{std::ssize(tokens)},
             std::vector<int64_t>(tokens.begin(), tokens.end())};
  } else {
    const Tensor features = golden::Features(c);
    input = {features.shape, features.values};
  }
  ASSERT_TRUE(client::WriteNpy(path + "/x.npy", input).ok());
  std::vector<std::string> arguments = {
      "predict", c.name, "--input=" + path + "/x.npy",
      absl::StrCat("--output-dir=", path, "/out")};
  if (c.has_initial_state) {
    const Tensor h_0 = golden::InitialState(c);
    ASSERT_TRUE(
        client::WriteNpy(path + "/h.npy", {h_0.shape, h_0.values}).ok());
    arguments.push_back("--initial-state=" + path + "/h.npy");
  }
  const Finished finished = RunClient(server, arguments);
  ASSERT_EQ(finished.exit_code, 0) << finished.output;

  const golden::Outputs want = golden::Expected(c);
  const auto expect = [&](const std::string& name, const golden::Array& array) {
    const auto got = client::ReadNpy(path + "/out/" + name);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->shape, array.shape) << name;
    golden::ExpectNear(std::get<std::vector<float>>(got->values), array, name);
  };
  expect("hidden.npy", want.hidden);
  expect("h_n.npy", want.h_n);
  if (want.scores) expect("scores.npy", *want.scores);
}

std::vector<golden::Case> NpyCases() {
  std::vector<golden::Case> cases;
  std::set<std::string> seen;
  for (const golden::Case& c : golden::Cases()) {
    const std::string kind = absl::StrCat(
        c.vocabulary_size > 0, c.has_initial_state, c.spec.directions,
        c.head ? std::string(Name(c.head->applied_to)) : "no head");
    if (seen.insert(kind).second) cases.push_back(c);
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Kinds, NpyTest, ::testing::ValuesIn(NpyCases()),
                         golden::NameOf);

TEST(CommandTest, ModelsShowsATableAndWhatIsKnownOfAModel) {
  const Finished all = RunClient(TextServer::Get(), {"models"});
  EXPECT_EQ(all.exit_code, 0);
  EXPECT_THAT(all.output, AllOf(HasSubstr("langid"), HasSubstr("ready")));
  const Finished one = RunClient(TextServer::Get(), {"models", "langid"});
  EXPECT_EQ(one.exit_code, 0);
  EXPECT_THAT(one.output,
              AllOf(HasSubstr("nonlinearity"), HasSubstr("configured")));
}

TEST(CommandTest, PredictShowsTheBestClassesOfText) {
  const Finished finished = RunClient(
      TextServer::Get(), {"predict", "langid", "--text", "schmetterling"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(finished.output, HasSubstr("German"));
}

TEST(CommandTest, EachLineOfStandardInputIsASequence) {
  const Finished finished = RunClient(
      TextServer::Get(), {"predict", "langid", "--json", "--results=scores"},
      "hello\nschmetterling\n");
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  std::istringstream lines(finished.output);
  std::vector<nlohmann::json> results;
  for (std::string line; std::getline(lines, line);) {
    results.push_back(nlohmann::json::parse(line));
  }
  EXPECT_EQ(results.size(), 2u);
}

TEST(CommandTest, StreamShowsALineAStep) {
  const Finished finished =
      RunClient(TextServer::Get(), {"stream", "langid", "--text", "hello"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_GE(std::ranges::count(finished.output, '\n'), 5);
}

TEST(CommandTest, HealthIsTheExitCode) {
  EXPECT_EQ(RunClient(TextServer::Get(), {"health"}).exit_code, 0);
  EXPECT_EQ(RunClient(TextServer::Get(), {"health", "langid"}).exit_code, 0);
  EXPECT_EQ(RunClient(TextServer::Get(), {"health", "nope"}).exit_code, 1);
}

TEST(CommandTest, FailuresAreToldWithTheirCode) {
  const Finished unknown =
      RunClient(TextServer::Get(), {"predict", "nope", "--text", "x"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.output,
              AllOf(HasSubstr("NOT_FOUND"), HasSubstr("known models: ")));
  EXPECT_EQ(RunClient(TextServer::Get(), {"predict"}).exit_code, 2);
  const Finished missing = RunClient(
      TextServer::Get(), {"predict", "langid", "--input=/no/such.npy"});
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_THAT(missing.output, HasSubstr("/no/such.npy"));
}

}  // namespace
}  // namespace unroll
