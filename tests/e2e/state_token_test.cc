// State tokens between real servers: sequences that are cut and carried on, bit
// for bit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/predict.h"
#include "tests/support/readme.h"
#include "tests/support/state_tokens.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using unroll::testing::Finished;
using unroll::testing::Piece;
using unroll::testing::Predict;
using unroll::testing::PredictStream;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::StateKeyLine;
using unroll::testing::TempDirectory;
using unroll::testing::ToMessage;

// The models: layers, both nonlinearities, features and tokens, heads of each
// kind; and one whose head reads a maximum over the steps.
const std::vector<std::string> kCases = {"tanh_l1_d1_bias_state_i8_h33_t17",
                                         "tanh_l2_d1_bias_state_i64_h256_t17",
                                         "relu_l3_d1_nobias_zero_i8_h100_t20",
                                         "tanh_l3_d1_bias_zero_i1_h1_t24",
                                         "softmax_each_step_d1_bias_c100_v1_h2",
                                         "softmax_h_n_d1_bias_c3_v7_h5"};
constexpr char kMax[] = "cell_max_unbatched";

std::string MakeRepository(const std::string& directory) {
  std::vector<golden::Case> cases;
  for (const std::string& name : kCases)
    cases.push_back(golden::FindCase(name));
  unroll::testing::WriteRepository(directory, cases);
  std::filesystem::copy(
      absl::StrCat(UNROLL_SOURCE_DIR, "/tests/data/exported/", kMax),
      absl::StrCat(directory, "/", kMax),
      std::filesystem::copy_options::recursive);
  return directory;
}

// What a part of a sequence came to, by either method.
struct Part {
  std::string hidden, scores;
  v1::State state;
  std::string token;
  int64_t steps_done = 0;
  bool has_exact = false, exact = false;

  std::string h() const { return state.tensors().at("h").data(); }
};

class StateTokenTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TempDirectory;
    const std::string repository =
        MakeRepository(directory_->MakeDirectory("models"));
    const std::vector<std::string> flags = {
        "--max-batch-rows=4", "--quantum=1us",
        "--state-key-file=" + directory_->Write("keys", StateKeyLine('k'))};
    first_ = new ServerProcess(repository, flags);
    second_ = new ServerProcess(repository, flags);
  }
  static void TearDownTestSuite() {
    delete second_;
    delete first_;
    delete directory_;
  }

  static v1::Outputs Everything(const std::string& model) {
    v1::Outputs outputs;
    for (const v1::Result result :
         {v1::HIDDEN, v1::FINAL_STATE, v1::STATE_TOKEN}) {
      outputs.add_results(result);
    }
    if (model.starts_with("softmax") || model == kMax) {
      outputs.add_results(v1::SCORES);
    }
    return outputs;
  }

  static Part Unary(const ServerProcess& server, const std::string& model,
                    const v1::Sequence& sequence) {
    v1::PredictRequest request;
    request.set_model(model);
    *request.add_sequences() = sequence;
    *request.mutable_outputs() = Everything(model);
    const auto reply = Predict(server, request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    if (!reply.status.ok()) return {};
    const v1::SequenceResult& result = reply.response.results(0);
    return {result.hidden().data(), result.scores().data(),
            result.final_state(),   result.state_token(),
            result.steps_done(),    result.has_exact(),
            result.exact()};
  }

  static Part Streamed(const ServerProcess& server, const std::string& model,
                       const v1::Sequence& sequence) {
    v1::PredictStreamRequest request;
    request.set_model(model);
    *request.mutable_sequence() = sequence;
    *request.mutable_outputs() = Everything(model);
    const auto reply = PredictStream(server, request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    if (!reply.status.ok()) return {};
    const v1::StreamEnd& end = reply.messages.back().final();
    return {reply.result.hidden().data(),
            reply.result.scores().data(),
            end.final_state(),
            end.state_token(),
            end.steps_done(),
            end.has_exact(),
            end.exact()};
  }

  static v1::Sequence MaxSequence() {
    v1::GetModelRequest get;
    get.set_name(kMax);
    v1::GetModelResponse info;
    grpc::ClientContext context;
    EXPECT_TRUE(first_->Models()->GetModel(&context, get, &info).ok());
    Tensor features{{11, info.spec().input_size()}, {}};
    for (int64_t i = 0; i < 11 * info.spec().input_size(); ++i) {
      features.values.push_back(static_cast<float>(i % 7 - 3) / 2);
    }
    v1::Sequence sequence;
    *sequence.mutable_features() = ToMessage(features);
    return sequence;
  }

  // Cut at every place, the one part on one server, the rest on the other.
  static void CutEverywhere(const std::string& model,
                            const v1::Sequence& sequence, int64_t steps,
                            bool scores_once) {
    const Part whole = Unary(*first_, model, sequence);
    EXPECT_EQ(whole.steps_done, steps);
    EXPECT_FALSE(whole.has_exact);
    for (int64_t cut = 1; cut < steps; ++cut) {
      for (const bool streamed_first : {false, true}) {
        SCOPED_TRACE(absl::StrCat(model, " cut at ", cut,
                                  streamed_first ? ", streamed first" : ""));
        const v1::Sequence begin = Piece(sequence, 0, cut);
        v1::Sequence end = Piece(sequence, cut, steps);
        const Part one = streamed_first ? Streamed(*first_, model, begin)
                                        : Unary(*first_, model, begin);
        end.set_state_token(one.token);
        end.set_require_exact(true);
        const Part rest = streamed_first ? Unary(*second_, model, end)
                                         : Streamed(*second_, model, end);
        EXPECT_EQ(one.steps_done, cut);
        EXPECT_EQ(rest.steps_done, steps);
        EXPECT_TRUE(rest.has_exact && rest.exact);
        EXPECT_TRUE(one.hidden + rest.hidden == whole.hidden);
        EXPECT_TRUE(rest.h() == whole.h());
        EXPECT_TRUE((scores_once ? "" : one.scores) + rest.scores ==
                    whole.scores);
      }
    }
  }

  static TempDirectory* directory_;
  static ServerProcess* first_;
  static ServerProcess* second_;
};

TempDirectory* StateTokenTest::directory_ = nullptr;
ServerProcess* StateTokenTest::first_ = nullptr;
ServerProcess* StateTokenTest::second_ = nullptr;

TEST_F(StateTokenTest, ASequenceCutAnywhereGoesOnBitForBitOnAnotherServer) {
  for (const std::string& name : kCases) {
    const golden::Case& c = golden::FindCase(name);
    CutEverywhere(name, ToMessage(c), c.steps, c.head && !c.head->each_step());
  }
}

TEST_F(StateTokenTest, AMaximumOverTheStepsIsCarriedToo) {
  CutEverywhere(kMax, MaxSequence(), 11, true);
}

TEST_F(StateTokenTest, ManySequencesGoOnFromOneToken) {
  const golden::Case& c = golden::FindCase(kCases[1]);
  const v1::Sequence sequence = ToMessage(c);
  const Part whole = Unary(*first_, c.name, sequence);
  const Part begin = Unary(*first_, c.name, Piece(sequence, 0, 5));
  v1::PredictRequest request;
  request.set_model(c.name);
  for (int64_t steps = 1; steps <= c.steps - 5; ++steps) {
    v1::Sequence& fork = *request.add_sequences();
    fork = Piece(sequence, 5, 5 + steps);
    fork.set_state_token(begin.token);
  }
  const auto reply = Predict(*second_, request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  const size_t row = c.spec.hidden_size * sizeof(float);
  for (int i = 0; i < reply.response.results_size(); ++i) {
    const v1::SequenceResult& result = reply.response.results(i);
    EXPECT_TRUE(result.hidden().data() ==
                whole.hidden.substr(5 * row, (i + 1) * row))
        << i;
    EXPECT_TRUE(result.exact());
    EXPECT_EQ(result.steps_done(), 5 + i + 1);
    EXPECT_TRUE(result.state_token().empty()) << "it was not asked for";
  }
}

TEST_F(StateTokenTest, AStreamGivesTokensEverySoManySteps) {
  const golden::Case& c = golden::FindCase(kCases[1]);
  const v1::Sequence sequence = ToMessage(c);
  const Part whole = Unary(*first_, c.name, sequence);
  const size_t row = c.spec.hidden_size * sizeof(float);
  for (const bool all_steps : {true, false}) {
    v1::PredictStreamRequest request;
    request.set_model(c.name);
    *request.mutable_sequence() = sequence;
    request.mutable_outputs()->add_results(v1::HIDDEN);
    request.mutable_outputs()->set_state_token_every(4);
    if (!all_steps)
      request.mutable_outputs()->mutable_indices()->add_indices(9);
    const auto reply = PredictStream(*first_, request);
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    std::vector<int64_t> steps;
    for (const auto& message : reply.messages) {
      for (const v1::StepToken& token : message.state_tokens()) {
        steps.push_back(token.step());
        if (all_steps) {
          EXPECT_THAT(message.steps(), ::testing::Contains(token.step()));
        }
        v1::Sequence rest = Piece(sequence, token.step() + 1, c.steps);
        rest.set_state_token(token.state_token());
        const Part part = Unary(*second_, c.name, rest);
        EXPECT_TRUE(part.hidden ==
                    whole.hidden.substr((token.step() + 1) * row));
        EXPECT_TRUE(part.h() == whole.h());
        EXPECT_EQ(part.steps_done, c.steps);
      }
    }
    EXPECT_THAT(steps, ElementsAre(3, 7, 11, 15));
    EXPECT_TRUE(reply.messages.back().final().state_token().empty());
  }
}

TEST_F(StateTokenTest, KeysRotateBySighup) {
  const std::string keys =
      directory_->Write("rotating_keys", StateKeyLine('o'));
  ServerProcess server(directory_->path() + "/models",
                       {"--max-batch-rows=4", "--state-key-file=" + keys});
  const std::string& model = kCases[0];
  const v1::Sequence sequence = ToMessage(golden::FindCase(model));
  const auto reload = [&](const std::string& text, const std::string& said) {
    directory_->Write("rotating_keys", text);
    server.process().Signal(SIGHUP);
    EXPECT_NE(server.process().WaitForOutput(said), "");
  };
  const auto code = [&](const std::string& token) {
    v1::PredictRequest request;
    request.set_model(model);
    *request.add_sequences() = Piece(sequence, 5, 9);
    request.mutable_sequences(0)->set_state_token(token);
    return Predict(server, request).status.error_code();
  };
  const std::string before = Unary(server, model, Piece(sequence, 0, 5)).token;
  reload(StateKeyLine('n') + StateKeyLine('o'), "2 state key(s) read");
  EXPECT_EQ(code(before), grpc::OK);
  const std::string after = Unary(server, model, Piece(sequence, 0, 5)).token;
  reload("no key", "error SIGHUP: the state keys stay what they were");
  EXPECT_EQ(code(before), grpc::OK);
  EXPECT_EQ(code(after), grpc::OK);
  reload(StateKeyLine('n'), "1 state key(s) read");
  EXPECT_EQ(code(before), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(code(after), grpc::OK);
  EXPECT_EQ(server.Metric("unroll_state_key_ephemeral"), 0);
  EXPECT_EQ(server.Stop(), 0);
}

TEST_F(StateTokenTest, TheCommandCarriesASequenceAsReadmeShows) {
  TempDirectory work;
  const std::vector<std::string> flags = {
      "--state-key-file=" + directory_->path() + "/keys"};
  const ServerProcess a(UNROLL_MODELS, flags), b(UNROLL_MODELS, flags);
  const std::string bin =
      std::filesystem::path(UNROLL_CLIENT_BINARY).parent_path();
  const std::string shell =
      unroll::testing::ShellOfReadme("### Carry a sequence on");
  ASSERT_THAT(shell, HasSubstr("--state-in"));
  const Finished finished =
      RunProcess({.arguments = {"sh", "-ec",
                                absl::StrCat("cd ", work.path(), "; PATH=", bin,
                                             ":$PATH\n", shell)},
                  .environment = {"A=" + a.address(), "B=" + b.address()}});
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("state after 5 steps"));
  EXPECT_THAT(finished.output,
              HasSubstr("went on from a state token bit for bit, 12 steps in "
                        "all"));
  EXPECT_THAT(finished.output, HasSubstr("German         0.6601"));
}

TEST_F(StateTokenTest, TheStreamCommandAndJsonTellOfIt) {
  TempDirectory work;
  const ServerProcess server(UNROLL_MODELS);
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), UNROLL_CLIENT_BINARY);
    arguments.push_back("--server=" + server.address());
    const Finished finished = RunProcess({.arguments = arguments});
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    return finished.output;
  };
  const std::string state = work / "state";
  EXPECT_THAT(run({"stream", "langid", "--text", "ab", "--state-out", state}),
              HasSubstr(state + " state after 2 steps"));
  EXPECT_THAT(run({"stream", "langid", "--text", "cd", "--json", "--state-in",
                   state, "--state-out", state}),
              HasSubstr("\"steps_done\":4,\"exact\":true"));
  EXPECT_THAT(run({"predict", "langid", "--text", "e", "--text", "fg", "--json",
                   "--state-in", state, "--state-out", state}),
              HasSubstr("\"steps_done\":6,\"exact\":true"));
  EXPECT_TRUE(std::filesystem::exists(state + ".0"));
  EXPECT_TRUE(std::filesystem::exists(state + ".1"));
  EXPECT_THAT(
      run({"stream", "langid", "--text", "h", "--state-in", state + ".1"}),
      HasSubstr("bit for bit, 7 steps in all"));
}

TEST_F(StateTokenTest, TheCommandNamesAStateFileThatIsNone) {
  const ServerProcess server(UNROLL_MODELS);
  TempDirectory work;
  for (const auto& [file, message] :
       {std::pair<std::string, std::string>{work / "none", "No such file"},
        {work.Write("empty", ""), "empty, expected a state token"},
        {work.Write("other", "text"), "state_token: not a state token"}}) {
    const Finished finished = RunProcess(
        {.arguments = {UNROLL_CLIENT_BINARY, "predict", "langid", "--text=a",
                       "--state-in=" + file, "--server=" + server.address()}});
    EXPECT_NE(finished.exit_code, 0);
    EXPECT_THAT(finished.output, HasSubstr(message));
  }
}

}  // namespace
}  // namespace unroll
