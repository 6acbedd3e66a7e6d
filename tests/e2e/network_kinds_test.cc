// What the exported models of tests/data/exported show through the real server
// and the real command: blanks, one-hot text, a mean that is carried on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/predict.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using unroll::testing::Finished;
using unroll::testing::Predict;
using unroll::testing::PredictReply;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::ToMessage;
using unroll::testing::Values;

const ServerProcess& Server() {
  static const ServerProcess server(UNROLL_SOURCE_DIR "/tests/data/exported",
                                    {"--max-batch-rows=4"});
  return server;
}

Finished RunClient(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), UNROLL_CLIENT_BINARY);
  return RunProcess({.arguments = std::move(arguments)});
}

v1::PredictRequest TextRequest(const std::string& model,
                               const std::string& text) {
  v1::PredictRequest request;
  request.set_model(model);
  request.add_sequences()->set_text(text);
  return request;
}

TEST(BlanksTest, ResultsAreOfTheBlanksAlone) {
  v1::PredictRequest request =
      TextRequest("tied_blank_words", "the [ ] rises in the [ ]");
  const PredictReply all = Predict(Server(), request);
  ASSERT_TRUE(all.status.ok()) << all.status.error_message();
  EXPECT_TRUE(all.response.results(0).steps().empty());
  request.mutable_outputs()->mutable_blanks();
  const PredictReply blanks = Predict(Server(), request);
  ASSERT_TRUE(blanks.status.ok()) << blanks.status.error_message();
  const v1::SequenceResult& result = blanks.response.results(0);
  EXPECT_THAT(result.steps(), ElementsAre(1, 5));
  const int64_t classes = result.scores().shape(1);
  EXPECT_THAT(result.scores().shape(), ElementsAre(2, classes));
  const auto row = [&](const v1::SequenceResult& of, int64_t i) {
    const std::vector<float> scores = Values(of.scores());
    return std::vector<float>(scores.begin() + i * classes,
                              scores.begin() + (i + 1) * classes);
  };
  EXPECT_EQ(row(result, 0), row(all.response.results(0), 1));
  EXPECT_EQ(row(result, 1), row(all.response.results(0), 5));
}

TEST(BlanksTest, WithoutABlankTheyAreRefused) {
  v1::PredictRequest request = TextRequest("tied_blank_words", "the sun");
  request.mutable_outputs()->mutable_blanks();
  PredictReply reply = Predict(Server(), request);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(reply.status.error_message(),
              HasSubstr("outputs.blanks: the sequence has no blank"));
  request = TextRequest("onehot_characters", "a");
  request.mutable_outputs()->mutable_blanks();
  reply = Predict(Server(), request);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(reply.status.error_message(),
              HasSubstr("outputs.blanks: the model has no blank token"));
}

TEST(BlanksTest, TheCommandShowsThem) {
  const std::string server = "--server=" + Server().address();
  const Finished table =
      RunClient({"predict", "tied_blank_words", "--text", "the [ ] rises",
                 "--json", "--steps", "blanks", "--top-k", "2", server});
  ASSERT_EQ(table.exit_code, 0) << table.output;
  const auto json = nlohmann::json::parse(table.output);
  EXPECT_EQ(json["steps"], nlohmann::json::parse("[1]"));
  EXPECT_EQ(json["scores"].size(), 1u);
  // A table shows the blank without being asked to, here both.
  const Finished shown = RunClient({"predict", "tied_blank_words", "--text",
                                    "the [ ] rises in the [ ]", server});
  ASSERT_EQ(shown.exit_code, 0) << shown.output;
  EXPECT_THAT(shown.output, HasSubstr("\n     1  [ ]  "));
  EXPECT_THAT(shown.output, HasSubstr("\n     5  [ ]  "));
  EXPECT_THAT(shown.output, Not(HasSubstr("\n     0 ")));
}

TEST(OneHotTest, TextAndTokenIdsAreOneThing) {
  const PredictReply text =
      Predict(Server(), TextRequest("onehot_characters", "a"));
  ASSERT_TRUE(text.status.ok()) << text.status.error_message();
  v1::PredictRequest request;
  request.set_model("onehot_characters");
  for (const int64_t id : text.response.results(0).token_ids()) {
    request.add_sequences()->mutable_token_ids()->add_ids(id);
  }
  const PredictReply ids = Predict(Server(), request);
  ASSERT_TRUE(ids.status.ok()) << ids.status.error_message();
  EXPECT_EQ(Values(ids.response.results(0).scores()),
            Values(text.response.results(0).scores()));
  request.mutable_sequences(0)->mutable_token_ids()->set_ids(0, 1000);
  EXPECT_THAT(Predict(Server(), request).status.error_message(),
              HasSubstr("token_ids[0]: 1000, expected 0 to "));
}

// A maximum over steps, in two calls.
TEST(PoolTest, TheStateCarriesIt) {
  const std::string model = "cell_max_unbatched";
  v1::GetModelRequest get;
  get.set_name(model);
  v1::GetModelResponse info;
  grpc::ClientContext context;
  ASSERT_TRUE(Server().Models()->GetModel(&context, get, &info).ok());
  const int64_t width = info.spec().input_size();
  const int64_t h = info.spec().hidden_size();
  const auto features = [&](int64_t first, int64_t steps) {
    Tensor tensor{{steps, width}, {}};
    for (int64_t i = first * width; i < (first + steps) * width; ++i) {
      tensor.values.push_back(static_cast<float>(i % 7 - 3) / 2);
    }
    return ToMessage(tensor);
  };
  v1::PredictRequest request;
  request.set_model(model);
  *request.add_sequences()->mutable_features() = features(0, 9);
  const PredictReply whole = Predict(Server(), request);
  ASSERT_TRUE(whole.status.ok()) << whole.status.error_message();

  *request.mutable_sequences(0)->mutable_features() = features(0, 4);
  const PredictReply begun = Predict(Server(), request);
  ASSERT_TRUE(begun.status.ok()) << begun.status.error_message();
  const v1::State& state = begun.response.results(0).final_state();
  EXPECT_THAT(state.tensors().at("pool").shape(), ElementsAre(1, h));
  EXPECT_THAT(Values(state.tensors().at("pool_steps")), ElementsAre(4));
  *request.mutable_sequences(0)->mutable_features() = features(4, 5);
  *request.mutable_sequences(0)->mutable_initial_state() = state;
  const PredictReply ended = Predict(Server(), request);
  ASSERT_TRUE(ended.status.ok()) << ended.status.error_message();
  const std::vector<float> got = Values(ended.response.results(0).scores());
  const std::vector<float> want = Values(whole.response.results(0).scores());
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6);

  // h alone begins a new maximum; half a pool is refused.
  auto& tensors =
      *request.mutable_sequences(0)->mutable_initial_state()->mutable_tensors();
  tensors.erase("pool_steps");
  EXPECT_THAT(Predict(Server(), request).status.error_message(),
              HasSubstr("initial_state \"pool_steps\": missing"));
  tensors.erase("pool");
  const PredictReply anew = Predict(Server(), request);
  ASSERT_TRUE(anew.status.ok()) << anew.status.error_message();
  EXPECT_THAT(
      Values(anew.response.results(0).final_state().tensors().at("pool_steps")),
      ElementsAre(5));
  *request.mutable_sequences(0)->mutable_initial_state() = state;
  (*request.mutable_sequences(0)
        ->mutable_initial_state()
        ->mutable_tensors())["pool_steps"] = ToMessage(Tensor{{1}, {2.5f}});
  EXPECT_THAT(Predict(Server(), request).status.error_message(),
              HasSubstr("initial_state \"pool_steps\": 2.5, expected a whole "
                        "number"));
}

TEST(InspectTest, SaysWhatAServerWouldMakeOfIt) {
  const std::string exported = UNROLL_SOURCE_DIR "/tests/data/exported";
  const Finished folder = RunClient({"inspect", exported});
  EXPECT_EQ(folder.exit_code, 0) << folder.output;
  EXPECT_THAT(folder.output, HasSubstr("cell_max_unbatched version 1: ok"));
  EXPECT_THAT(folder.output, HasSubstr("cost of a step"));
  const std::string file =
      absl::StrCat(exported, "/tied_blank_words/model.safetensors");
  const Finished one = RunClient({"inspect", "--json", file});
  ASSERT_EQ(one.exit_code, 0) << one.output;
  const auto json = nlohmann::json::parse(one.output);
  EXPECT_EQ(json["fingerprint"].get<std::string>().size(), 64u);
  EXPECT_GT(json["memory_bytes"]["rnn"], 0);
  EXPECT_EQ(json["weights"]["file"], "model.safetensors");
  // What is wrong, with the tensors that are there.
  const Finished wrong =
      RunClient({"inspect", UNROLL_SOURCE_DIR "/tests/data/pytorch/plain.pt"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.output, HasSubstr("not used: \"norm.bias\""));
  EXPECT_THAT(wrong.output, HasSubstr("embedding.weight"));
  const Finished missing = RunClient({"inspect", "/no/such/path"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.output, HasSubstr("NOT_FOUND: /no/such/path"));
}

}  // namespace
}  // namespace unroll
