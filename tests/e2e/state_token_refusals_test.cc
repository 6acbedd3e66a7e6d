// State tokens that a server does not take, and what it says then.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/predict.h"
#include "tests/support/state_tokens.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::Finished;
using unroll::testing::Piece;
using unroll::testing::Predict;
using unroll::testing::PredictReply;
using unroll::testing::PredictStream;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::StateKeyLine;
using unroll::testing::TempDirectory;
using unroll::testing::ToMessage;

constexpr char kTagger[] = "tanh_l1_d1_nobias_state_i5_h5_t1";
constexpr char kOther[] = "tanh_l2_d1_bias_zero_i8_h64_t2";
constexpr char kBothWays[] = "tanh_l1_d2_nobias_state_i5_h5_t8";

class RefusalsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TempDirectory;
    unroll::testing::WriteRepository(
        directory_->MakeDirectory("models"),
        {golden::FindCase(kTagger), golden::FindCase(kOther),
         golden::FindCase(kBothWays)});
    directory_->Write("keys", StateKeyLine('k'));
    server_ = Start("models").release();
  }
  static void TearDownTestSuite() {
    delete server_;
    delete directory_;
  }

  static std::unique_ptr<ServerProcess> Start(
      const std::string& models, const std::string& kernel = "split") {
    return std::make_unique<ServerProcess>(
        *directory_ / models,
        std::vector<std::string>{"--max-batch-rows=2", "--rnn-kernel=" + kernel,
                                 "--state-key-file=" + (*directory_ / "keys")});
  }

  static v1::PredictRequest Request(const std::string& model) {
    v1::PredictRequest request;
    request.set_model(model);
    *request.add_sequences() = ToMessage(golden::FindCase(model));
    request.mutable_sequences(0)->clear_initial_state();
    return request;
  }
  static std::string Token(const ServerProcess& server,
                           const std::string& model) {
    v1::PredictRequest request = Request(model);
    request.mutable_outputs()->add_results(v1::STATE_TOKEN);
    const PredictReply reply = Predict(server, request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    const v1::SequenceResult& result = reply.response.results(0);
    EXPECT_FALSE(result.has_hidden() || result.has_final_state());
    return result.state_token();
  }
  static PredictReply GoOn(const ServerProcess& server,
                           const std::string& model, const std::string& token,
                           bool require_exact = false) {
    v1::PredictRequest request = Request(model);
    request.mutable_sequences(0)->set_state_token(token);
    request.mutable_sequences(0)->set_require_exact(require_exact);
    return Predict(server, request);
  }
  static void ExpectRefused(const grpc::Status& status, grpc::StatusCode code,
                            const std::string& message) {
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(message));
  }

  static TempDirectory* directory_;
  static ServerProcess* server_;
};

TempDirectory* RefusalsTest::directory_ = nullptr;
ServerProcess* RefusalsTest::server_ = nullptr;

TEST_F(RefusalsTest, ATokenChangedInAnyByteOrCutAnywhere) {
  const std::string token = Token(*server_, kTagger);
  EXPECT_TRUE(GoOn(*server_, kTagger, token).status.ok());
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = static_cast<char>(changed[i] ^ (1 << i % 8));
    const grpc::Status status = GoOn(*server_, kTagger, changed).status;
    EXPECT_TRUE(status.error_code() == grpc::INVALID_ARGUMENT ||
                status.error_code() == grpc::FAILED_PRECONDITION)
        << i << ": " << status.error_message();
    EXPECT_THAT(status.error_message(),
                HasSubstr("sequences[0]: state_token:"));
    if (i == 0) continue;  // an empty one is none
    ExpectRefused(GoOn(*server_, kTagger, token.substr(0, i)).status,
                  grpc::INVALID_ARGUMENT, "state_token: cut short");
  }
}

TEST_F(RefusalsTest, ATokenBesideAnInitialState) {
  v1::PredictRequest request = Request(kTagger);
  v1::Sequence& sequence = *request.mutable_sequences(0);
  sequence = ToMessage(golden::FindCase(kTagger));
  sequence.set_state_token(Token(*server_, kTagger));
  ASSERT_TRUE(sequence.has_initial_state());
  ExpectRefused(Predict(*server_, request).status, grpc::INVALID_ARGUMENT,
                "sequences[0]: both state_token and initial_state");
}

TEST_F(RefusalsTest, ATokenOfAnotherModel) {
  ExpectRefused(GoOn(*server_, kOther, Token(*server_, kTagger)).status,
                grpc::INVALID_ARGUMENT,
                absl::StrCat("state_token: of model \"", kTagger,
                             "\", expected one of \"", kOther, "\""));
}

TEST_F(RefusalsTest, ATokenOfOtherWeightsButNotOfAnotherVersionOfTheSame) {
  const golden::Case& c = golden::FindCase(kTagger);
  golden::WriteModelFolder(c, *directory_ / "versions/" + kTagger + "/7");
  golden::Case other = c;
  other.id += 1000;  // what the weights are hashed from
  golden::WriteModelFolder(other, *directory_ / "changed/" + kTagger);
  const std::string token = Token(*server_, kTagger);
  const auto versions = Start("versions");
  const PredictReply reply = GoOn(*versions, kTagger, token, true);
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.response.version(), 7);
  const auto changed = Start("changed");
  ExpectRefused(GoOn(*changed, kTagger, token).status,
                grpc::FAILED_PRECONDITION,
                "state_token: of other weights: version 1 with fingerprint ");
}

TEST_F(RefusalsTest, OtherNumericsAreTakenUnlessExactIsRequired) {
  const auto primitive = Start("models", "primitive");
  const std::string token = Token(*server_, kTagger);
  const PredictReply taken = GoOn(*primitive, kTagger, token);
  EXPECT_TRUE(taken.status.ok()) << taken.status.error_message();
  EXPECT_TRUE(taken.response.results(0).has_exact());
  EXPECT_FALSE(taken.response.results(0).exact());
  ExpectRefused(GoOn(*primitive, kTagger, token, true).status,
                grpc::FAILED_PRECONDITION,
                "state_token: require_exact, but the results would differ in "
                "rounding: its numerics are float32-1, this server's onednn-");
  // The primitive promises no bits, not even to itself.
  ExpectRefused(
      GoOn(*primitive, kTagger, Token(*primitive, kTagger), true).status,
      grpc::FAILED_PRECONDITION, "which promise no bits");
}

TEST_F(RefusalsTest, ABidirectionalModelHasNoTokens) {
  ExpectRefused(GoOn(*server_, kBothWays, Token(*server_, kTagger)).status,
                grpc::INVALID_ARGUMENT, "state_token: the model runs backward");
  v1::PredictRequest request = Request(kBothWays);
  request.mutable_outputs()->add_results(v1::STATE_TOKEN);
  ExpectRefused(Predict(*server_, request).status, grpc::INVALID_ARGUMENT,
                "outputs: a state token was asked for, but the model runs");
  v1::PredictStreamRequest stream;
  stream.set_model(kBothWays);
  *stream.mutable_sequence() = request.sequences(0);
  stream.mutable_outputs()->set_state_token_every(2);
  ExpectRefused(PredictStream(*server_, stream).status, grpc::INVALID_ARGUMENT,
                "outputs: a state token was asked for, but the model runs");
}

TEST_F(RefusalsTest, TokensOnTheWayOfAPredict) {
  v1::PredictRequest request = Request(kTagger);
  request.mutable_outputs()->set_state_token_every(2);
  ExpectRefused(Predict(*server_, request).status, grpc::INVALID_ARGUMENT,
                "outputs.state_token_every: is for PredictStream");
  v1::PredictStreamRequest stream;
  stream.set_model(kTagger);
  *stream.mutable_sequence() = request.sequences(0);
  stream.mutable_outputs()->set_state_token_every(-1);
  ExpectRefused(PredictStream(*server_, stream).status, grpc::INVALID_ARGUMENT,
                "outputs.state_token_every: -1, expected 0 or more");
}

TEST_F(RefusalsTest, AKeyFileThatIsNone) {
  for (const auto& [file, message] :
       {std::pair<std::string, std::string>{"/no/such/file", "/no/such/file"},
        {directory_->Write("short", "c2hvcnQ=\n"),
         "short: line 1: a key of 5 bytes, expected 32 to 1024"},
        {directory_->Write("empty", ""), "empty: no key"}}) {
    const Finished finished = RunProcess(
        {.arguments = {UNROLL_SERVER_BINARY, "--model-repository",
                       *directory_ / "models", "--grpc-port=0",
                       "--metrics-port=0", "--state-key-file=" + file}});
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_THAT(finished.output, HasSubstr("--state-key-file: "));
    EXPECT_THAT(finished.output, HasSubstr(message));
  }
}

// Its own key goes with the process, and it says so.
TEST_F(RefusalsTest, ATokenOfAServerWithoutAKeyFile) {
  ServerProcess ephemeral(*directory_ / "models", {"--max-batch-rows=2"});
  EXPECT_THAT(ephemeral.process().output(),
              HasSubstr("warning no --state-key-file: state tokens are good "
                        "for this process only"));
  EXPECT_EQ(ephemeral.Metric("unroll_state_key_ephemeral"), 1);
  const std::string token = Token(ephemeral, kTagger);
  EXPECT_TRUE(GoOn(ephemeral, kTagger, token).status.ok());
  ExpectRefused(
      GoOn(*server_, kTagger, token).status, grpc::FAILED_PRECONDITION,
      "state_token: signed with a key that this server does not have");
}

}  // namespace
}  // namespace unroll
