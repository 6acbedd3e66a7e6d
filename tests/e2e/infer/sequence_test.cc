// Sequences whose state the server keeps under an id, as Triton's clients drive
// them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/infer.h"
#include "tests/support/predict.h"
#include "tests/support/state_tokens.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using unroll::testing::AddRaw;
using unroll::testing::Bytes;
using unroll::testing::Infer;
using unroll::testing::InferRequest;
using unroll::testing::ModelInfer;
using unroll::testing::OutputFloats;
using unroll::testing::OutputTexts;
using unroll::testing::Parameter;
using unroll::testing::ServerProcess;
using unroll::testing::StateKeyLine;
using unroll::testing::Steps;
using unroll::testing::TempDirectory;
using unroll::testing::WriteRepository;

const golden::Case& Case() {
  return golden::FindCase("tanh_l2_d1_bias_zero_i256_h256_t12");
}

std::string Repository(const std::string& directory) {
  for (const char* version : {"/1", "/2"}) {
    golden::WriteModelFolder(Case(), directory + "/" + Case().name + version);
  }
  return WriteRepository(
      directory, {golden::FindCase("relu_l1_d2_bias_zero_i100_h64_t12")});
}

class InferSequenceTest : public ::testing::Test {
 protected:
  // Steps of the case's input, for sequence `id`.
  static inference::ModelInferRequest Request(int64_t id, int64_t first,
                                              int64_t count,
                                              const char* flag = nullptr) {
    auto request = Steps(Case(), first, count);
    Parameter(request, "sequence_id").set_int64_param(id);
    if (flag != nullptr) Parameter(request, flag).set_bool_param(true);
    return request;
  }
  inference::ModelInferResponse Answer(
      const inference::ModelInferRequest& request) {
    const auto reply = ModelInfer(server_, request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.response;
  }
  std::vector<float> Whole() {
    static const std::vector<float>& whole = *new std::vector<float>(
        OutputFloats(Answer(InferRequest(Case())), "hidden"));
    return whole;
  }
  // The rows of steps of an undisturbed run.
  std::vector<float> Rows(int64_t first, int64_t count) {
    const int64_t width = Case().spec.hidden_size;
    const std::vector<float> whole = Whole();
    return {whole.begin() + first * width,
            whole.begin() + (first + count) * width};
  }
  void ExpectRows(const inference::ModelInferResponse& response, int64_t first,
                  int64_t count) {
    EXPECT_EQ(OutputFloats(response, "hidden"), Rows(first, count));
    EXPECT_EQ(response.parameters().at("steps_done").int64_param(),
              first + count);
  }

  TempDirectory directory_;
  ServerProcess server_{Repository(directory_.path()),
                        {"--max-kept-sequences=3"}};
};

TEST_F(InferSequenceTest, AnyNumberOfStepsARequestGiveTheBitsOfOneRun) {
  ExpectRows(Answer(Request(7, 0, 1, "sequence_start")), 0, 1);
  ExpectRows(Answer(Request(7, 1, 5)), 1, 5);
  EXPECT_EQ(server_.Metric("unroll_sequences_kept"), 1);
  EXPECT_GT(server_.Metric("unroll_sequences_kept_bytes"), 2048);
  ExpectRows(Answer(Request(7, 6, 6, "sequence_end")), 6, 6);
  EXPECT_EQ(server_.Metric("unroll_sequences_kept"), 0);
  EXPECT_EQ(server_.Metric("unroll_sequences_kept_bytes"), 0);
  const auto after = ModelInfer(server_, Request(7, 0, 1)).status;
  EXPECT_EQ(after.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(after.error_message(),
              StartsWith("sequence 7 of model \"" + Case().name +
                         "\": there is none, expected sequence_start"));
}

TEST_F(InferSequenceTest, IdsAreNumbersOrTextsAndApart) {
  Answer(Request(7, 0, 3, "sequence_start"));
  auto text = Request(0, 0, 2, "sequence_start");
  Parameter(text, "sequence_id").set_string_param("7");
  Answer(text);
  text = Request(0, 2, 2);
  Parameter(text, "sequence_id").set_string_param("7");
  ExpectRows(Answer(text), 2, 2);
  ExpectRows(Answer(Request(7, 3, 1)), 3, 1);
}

TEST_F(InferSequenceTest, AStartOnALiveIdRestartsIt) {
  Answer(Request(7, 0, 3, "sequence_start"));
  ExpectRows(Answer(Request(7, 0, 1, "sequence_start")), 0, 1);
  ExpectRows(Answer(Request(7, 1, 1)), 1, 1);
}

TEST_F(InferSequenceTest, StartAndEndInOneRequestKeepNothing) {
  auto request = Request(7, 0, 4, "sequence_start");
  Parameter(request, "sequence_end").set_bool_param(true);
  ExpectRows(Answer(request), 0, 4);
  EXPECT_EQ(server_.Metric("unroll_sequences_kept"), 0);
}

TEST_F(InferSequenceTest, ARequestThatFailsLeavesTheSequenceAsItWas) {
  Answer(Request(7, 0, 3, "sequence_start"));
  for (const char* flag : {"sequence_start", "sequence_end"}) {
    auto bad = Request(7, 3, 1, flag);
    bad.mutable_raw_input_contents(0)->pop_back();
    EXPECT_FALSE(ModelInfer(server_, bad).status.ok());
  }
  auto never = Request(8, 0, 1, "sequence_start");
  never.mutable_raw_input_contents(0)->pop_back();
  EXPECT_FALSE(ModelInfer(server_, never).status.ok());
  EXPECT_EQ(server_.Metric("unroll_sequences_kept"), 1);
  ExpectRows(Answer(Request(7, 3, 2)), 3, 2);
}

TEST_F(InferSequenceTest, AnIdZeroIsNoSequence) {
  const auto response = Answer(Request(0, 0, 12));
  EXPECT_EQ(OutputFloats(response, "hidden"), Whole());
  EXPECT_EQ(server_.Metric("unroll_sequences_kept"), 0);
}

TEST_F(InferSequenceTest, StaysWithTheVersionThatItBeganOn) {
  auto start = Request(7, 0, 1, "sequence_start");
  start.set_model_version("1");
  Answer(start);
  const auto response = Answer(Request(7, 1, 1));
  EXPECT_EQ(response.model_version(), "1") << "2 is the highest";
  auto other = Request(7, 2, 1);
  other.set_model_version("2");
  EXPECT_THAT(ModelInfer(server_, other).status.error_message(),
              HasSubstr("model_version: 2, but the sequence began on 1"));
}

TEST_F(InferSequenceTest, AreBounded) {
  for (int id = 1; id <= 3; ++id) Answer(Request(id, 0, 1, "sequence_start"));
  const auto refused =
      ModelInfer(server_, Request(4, 0, 1, "sequence_start")).status;
  EXPECT_EQ(refused.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("--max-kept-sequences"));
  EXPECT_EQ(server_.Metric("unroll_refusals_total", "OUT_OF_MEMORY"), 1);
  Answer(Request(3, 1, 1, "sequence_end"));
  Answer(Request(4, 0, 1, "sequence_start"));
}

TEST_F(InferSequenceTest, AnExpiredOneSaysSo) {
  const ServerProcess hasty(directory_.path(), {"--idle-timeout=1ms"});
  ASSERT_TRUE(
      ModelInfer(hasty, Request(7, 0, 1, "sequence_start")).status.ok());
  // It is forgotten when somebody looks, a millisecond from then on.
  for (int i = 0; i < 1000 && hasty.Metric("unroll_sequences_kept") > 0; ++i) {
  }
  const auto status = ModelInfer(hasty, Request(7, 1, 1)).status;
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              HasSubstr("it was forgotten after 1ms without a request"));
}

TEST_F(InferSequenceTest, ATokenCarriesItToAnotherServer) {
  TempDirectory keys;
  const std::vector<std::string> flags = {
      "--state-key-file=" + keys.Write("keys", StateKeyLine('k'))};
  const ServerProcess one(directory_.path(), flags);
  const ServerProcess other(directory_.path(), flags);
  auto start = Request(7, 0, 5, "sequence_start");
  Parameter(start, "state_token").set_bool_param(true);
  const auto begun = ModelInfer(one, start).response;
  auto resume = Request(7, 5, 3, "sequence_start");
  AddRaw("state_token", "BYTES", {1}, Bytes(OutputTexts(begun, "state_token")),
         resume);
  ExpectRows(ModelInfer(other, resume).response, 5, 3);
  ExpectRows(ModelInfer(other, Request(7, 8, 4, "sequence_end")).response, 8,
             4);
}

TEST_F(InferSequenceTest, RequestsAtOnceRunOneAfterTheOther) {
  Answer(Request(7, 0, 1, "sequence_start"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) Answer(Request(7, 1, 11));
    });
  }
  for (auto& thread : threads) thread.join();
  const auto last = Answer(Request(7, 1, 1));
  EXPECT_EQ(last.parameters().at("steps_done").int64_param(), 2 + 11 * 80);
}

TEST_F(InferSequenceTest, ACancelledRequestCountsWholeOrNotAtAll) {
  Answer(Request(7, 0, 1, "sequence_start"));
  int64_t done = 1;
  for (int i = 0; i < 30; ++i) {
    grpc::ClientContext context;
    inference::ModelInferResponse response;
    const auto stub = Infer(server_);
    grpc::CompletionQueue queue;
    const auto call =
        stub->AsyncModelInfer(&context, Request(7, 1, 11), &queue);
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    context.TryCancel();
    void* tag;
    bool ok;
    queue.Next(&tag, &ok);
    const auto next = Answer(Request(7, 1, 1));
    const int64_t now = next.parameters().at("steps_done").int64_param();
    EXPECT_TRUE(now == done + 1 || now == done + 12) << now << " " << done;
    done = now;
  }
}

TEST_F(InferSequenceTest, WhatDoesNotSuitASequenceIsRefused) {
  Answer(Request(7, 0, 1, "sequence_start"));
  const auto refusal = [&](const inference::ModelInferRequest& request) {
    const auto status = ModelInfer(server_, request).status;
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_THAT(refusal(Request(0, 0, 1, "sequence_start")),
              HasSubstr("parameter \"sequence_start\": without a sequence_id"));
  EXPECT_THAT(refusal(Request(0, 0, 1, "sequence_end")),
              HasSubstr("parameter \"sequence_end\": without a sequence_id"));
  EXPECT_THAT(refusal(Request(9, 0, 1, "sequence_end")),
              HasSubstr("expected sequence_start with the first request"));
  auto request = Request(7, 1, 1);
  Parameter(request, "sequence_id").set_uint64_param(7);
  EXPECT_THAT(refusal(request), HasSubstr("uint64_param, expected int64_param "
                                          "or string_param"));
  Parameter(request, "sequence_id").set_string_param(std::string(129, 'x'));
  EXPECT_THAT(refusal(request), HasSubstr("129 bytes, expected at most 128"));
  request = Request(7, 1, 1);
  Parameter(request, "sequence_start").set_int64_param(1);
  EXPECT_THAT(refusal(request), HasSubstr("int64_param, expected bool_param"));
  request = InferRequest(Case(), 2);
  Parameter(request, "sequence_id").set_int64_param(7);
  EXPECT_THAT(refusal(request), HasSubstr("2 sequences, expected 1"));
  request = Request(7, 1, 1);
  AddRaw("state_token", "BYTES", {1}, Bytes(std::vector<std::string>{"x"}),
         request);
  EXPECT_THAT(refusal(request), HasSubstr("goes on from its own state"));
  request = InferRequest(golden::FindCase("relu_l1_d2_bias_zero_i100_h64_t12"));
  Parameter(request, "sequence_id").set_int64_param(7);
  EXPECT_THAT(refusal(request), HasSubstr("the model runs backward"));
  ExpectRows(Answer(Request(7, 1, 1)), 1, 1);
}

}  // namespace
}  // namespace unroll
