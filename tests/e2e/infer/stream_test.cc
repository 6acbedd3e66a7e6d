// ModelStreamInfer: requests and sequences side by side on one stream.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "tests/support/infer.h"
#include "tests/support/live.h"
#include "tests/support/notification.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using unroll::testing::Infer;
using unroll::testing::InferRequest;
using unroll::testing::ModelInfer;
using unroll::testing::OutputFloats;
using unroll::testing::OutputShape;
using unroll::testing::Parameter;
using unroll::testing::ReasonOf;
using unroll::testing::ServerProcess;
using unroll::testing::Steps;
using unroll::testing::TempDirectory;
using unroll::testing::WriteRepository;

const golden::Case& Case() {
  return golden::FindCase("softmax_each_step_d1_nobias_c10_v0_h33");
}
const golden::Case& Backward() {
  return golden::FindCase("relu_l1_d2_bias_zero_i100_h64_t12");
}

class InferStreamTest : public ::testing::Test {
 protected:
  using Request = inference::ModelInferRequest;
  using Response = inference::ModelStreamInferResponse;

  static Request WithId(Request request, const std::string& id) {
    request.set_id(id);
    return request;
  }
  static Request OfSequence(int64_t sequence, int64_t first, int64_t count,
                            const std::string& id) {
    Request request = WithId(Steps(Case(), first, count), id);
    Parameter(request, "sequence_id").set_int64_param(sequence);
    Parameter(request, "sequence_start").set_bool_param(first == 0);
    return request;
  }
  static Request Stepwise(Request request) {
    Parameter(request, "triton_enable_empty_final_response")
        .set_bool_param(true);
    return request;
  }
  static bool IsFinal(const Response& response) {
    return response.infer_response()
        .parameters()
        .at("triton_final_response")
        .bool_param();
  }

  void Open() { stream_ = stub_->ModelStreamInfer(&context_); }
  // All requests, the half-close, and everything that comes back.
  std::vector<Response> Exchange(const std::vector<Request>& requests) {
    Open();
    std::thread writer([&] {
      for (const Request& request : requests) stream_->Write(request);
      stream_->WritesDone();
    });
    std::vector<Response> responses;
    Response response;
    while (stream_->Read(&response)) responses.push_back(response);
    writer.join();
    status_ = stream_->Finish();
    return responses;
  }
  std::vector<float> Whole(const golden::Case& c, const char* output) {
    const auto reply = ModelInfer(server_, InferRequest(c));
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return OutputFloats(reply.response, output);
  }

  TempDirectory directory_;
  ServerProcess server_{
      WriteRepository(directory_.path(), {Case(), Backward()})};
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_ = Infer(server_);
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream_;
  grpc::Status status_;
};

TEST_F(InferStreamTest, AnswersEveryRequestOnceAndEndsWellAfterAHalfClose) {
  std::vector<Request> requests;
  for (int i = 0; i < 200; ++i) {
    requests.push_back(WithId(InferRequest(i % 2 == 0 ? Case() : Backward()),
                              std::to_string(i)));
  }
  const auto responses = Exchange(requests);
  EXPECT_TRUE(status_.ok()) << status_.error_message();
  std::map<std::string, int> seen;
  const std::vector<float> want = Whole(Case(), "hidden");
  for (const Response& response : responses) {
    EXPECT_EQ(response.error_message(), "");
    EXPECT_TRUE(IsFinal(response));
    const auto& infer = response.infer_response();
    ++seen[infer.id()];
    if (infer.model_name() == Case().name) {
      EXPECT_EQ(OutputFloats(infer, "hidden"), want);
    }
  }
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(responses.size(), 200u);
  EXPECT_EQ(
      server_.Metric("unroll_requests_total", "method=\"ModelStreamInfer\""),
      200);
}

TEST_F(InferStreamTest, RequestsOfASequenceRunAndAreAnsweredInOrder) {
  // 40 sequences, a step a request, all at once; others in between.
  const int64_t steps = Case().steps;
  std::vector<Request> requests;
  for (int64_t t = 0; t < steps; ++t) {
    for (int sequence = 1; sequence <= 40; ++sequence) {
      requests.push_back(OfSequence(sequence, t, 1, std::to_string(t)));
      Parameter(requests.back(), "who").set_int64_param(sequence);
      requests.back().set_id(std::to_string(sequence) + ":" +
                             std::to_string(t));
    }
    requests.push_back(WithId(InferRequest(Case()), "0:" + std::to_string(t)));
  }
  const auto responses = Exchange(requests);
  EXPECT_TRUE(status_.ok()) << status_.error_message();
  std::map<std::string, std::vector<float>> hidden;
  std::map<std::string, int64_t> next;
  for (const Response& response : responses) {
    ASSERT_EQ(response.error_message(), "");
    const auto& infer = response.infer_response();
    const std::string sequence = infer.id().substr(0, infer.id().find(':'));
    if (sequence == "0") continue;
    EXPECT_EQ(infer.id(), sequence + ":" + std::to_string(next[sequence]++));
    const auto rows = OutputFloats(infer, "hidden");
    hidden[sequence].insert(hidden[sequence].end(), rows.begin(), rows.end());
  }
  EXPECT_EQ(hidden.size(), 40u);
  const std::vector<float> want = Whole(Case(), "hidden");
  for (const auto& got : hidden) EXPECT_EQ(got.second, want) << got.first;
}

TEST_F(InferStreamTest, StepsComeOneByOneWhenAskedFor) {
  const auto responses =
      Exchange({WithId(Stepwise(InferRequest(Case())), "steps")});
  ASSERT_GE(responses.size(), 2u);
  std::vector<float> hidden, scores;
  for (size_t i = 0; i + 1 < responses.size(); ++i) {
    const auto& infer = responses[i].infer_response();
    EXPECT_FALSE(IsFinal(responses[i]));
    EXPECT_EQ(infer.id(), "steps");
    EXPECT_EQ(infer.outputs_size(), 2);
    const auto rows = OutputFloats(infer, "hidden");
    EXPECT_EQ(OutputShape(infer, "hidden"),
              (Shape{1, std::ssize(rows) / 33, 33}));
    hidden.insert(hidden.end(), rows.begin(), rows.end());
    const auto more = OutputFloats(infer, "scores");
    scores.insert(scores.end(), more.begin(), more.end());
  }
  EXPECT_EQ(hidden, Whole(Case(), "hidden"));
  EXPECT_EQ(scores, Whole(Case(), "scores"));
  EXPECT_TRUE(IsFinal(responses.back()));
  EXPECT_EQ(OutputFloats(responses.back().infer_response(), "h_n"),
            Whole(Case(), "h_n"));
  EXPECT_EQ(responses.back().infer_response().outputs_size(), 1);
}

TEST_F(InferStreamTest, TheFinalAnswerIsEmptyWhenNothingIsLeftToSay) {
  Request request = Stepwise(InferRequest(Case()));
  request.add_outputs()->set_name("scores");
  const auto responses = Exchange({request});
  ASSERT_GE(responses.size(), 2u);
  EXPECT_TRUE(IsFinal(responses.back()));
  EXPECT_EQ(responses.back().infer_response().outputs_size(), 0);
}

TEST_F(InferStreamTest, ManySequencesOfARequestAreAnsweredInOne) {
  const auto responses = Exchange({Stepwise(InferRequest(Case(), 2))});
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_TRUE(IsFinal(responses[0]));
  EXPECT_EQ(responses[0].infer_response().outputs_size(), 3);
}

TEST_F(InferStreamTest, AModelThatRunsBackwardGivesItsStepsAtTheEnd) {
  const auto responses = Exchange({Stepwise(InferRequest(Backward()))});
  ASSERT_EQ(responses.size(), 2u);
  EXPECT_EQ(OutputFloats(responses[0].infer_response(), "hidden"),
            Whole(Backward(), "hidden"));
}

TEST_F(InferStreamTest, AnErrorIsAnsweredAndTheStreamGoesOn) {
  Request unknown = WithId(InferRequest(Case()), "unknown");
  unknown.set_model_name("nope");
  Request bad = OfSequence(7, 1, 1, "bad");
  bad.mutable_raw_input_contents(0)->pop_back();
  const auto responses =
      Exchange({unknown, OfSequence(7, 0, 1, "start"), bad,
                OfSequence(7, 1, 1, "next"), OfSequence(8, 1, 1, "lost")});
  EXPECT_TRUE(status_.ok()) << status_.error_message();
  std::map<std::string, Response> by_id;
  for (const Response& response : responses) {
    by_id[response.infer_response().id()] = response;
    EXPECT_TRUE(IsFinal(response));
  }
  ASSERT_EQ(by_id.size(), 5u);
  EXPECT_THAT(by_id["unknown"].error_message(),
              StartsWith("NOT_FOUND: model \"nope\" not found"));
  EXPECT_EQ(by_id["unknown"].infer_response().model_name(), "nope");
  EXPECT_THAT(by_id["bad"].error_message(),
              StartsWith("INVALID_ARGUMENT: input \"input\": "));
  EXPECT_THAT(by_id["lost"].error_message(),
              StartsWith("INVALID_ARGUMENT: sequence 8 of model"));
  EXPECT_EQ(by_id["start"].error_message(), "");
  const auto& next = by_id["next"].infer_response();
  EXPECT_EQ(next.parameters().at("steps_done").int64_param(), 2);
}

TEST_F(InferStreamTest, AReasonStandsInBrackets) {
  const ServerProcess none(directory_.path(), {"--max-kept-sequences=0"});
  stub_ = Infer(none);
  const auto responses = Exchange({OfSequence(7, 0, 1, "full")});
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_THAT(responses[0].error_message(),
              StartsWith("RESOURCE_EXHAUSTED (OUT_OF_MEMORY): 0 sequences"));
}

TEST_F(InferStreamTest, WithTritonGrpcErrorTheFirstErrorEndsTheStream) {
  context_.AddMetadata("triton_grpc_error", "true");
  Request unknown = InferRequest(Case());
  unknown.set_model_name("nope");
  const auto responses = Exchange({unknown});
  EXPECT_TRUE(responses.empty());
  EXPECT_EQ(status_.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(status_.error_message(), HasSubstr("model \"nope\" not found"));
}

TEST_F(InferStreamTest, AnEmptyStreamEndsWell) {
  EXPECT_TRUE(Exchange({}).empty());
  EXPECT_TRUE(status_.ok());
}

TEST_F(InferStreamTest, ACancelledStreamFreesEverything) {
  Open();
  for (int i = 0; i < 100; ++i) {
    stream_->Write(OfSequence(i % 3 + 1, i / 3 % 4, 1, std::to_string(i)));
    stream_->Write(Stepwise(InferRequest(Case())));
  }
  context_.TryCancel();
  EXPECT_EQ(stream_->Finish().error_code(), grpc::CANCELLED);
  // Once the server has seen the cancellation nobody has the sequences.
  while (server_.Metric("unroll_sequences_ready") +
             server_.Metric("unroll_sequences_running") +
             server_.Metric("unroll_sequences_paused") >
         0) {
  }
  for (int sequence = 1; sequence <= 3; ++sequence) {
    EXPECT_TRUE(
        ModelInfer(server_, OfSequence(sequence, 0, 1, "")).status.ok());
  }
  EXPECT_EQ(server_.Metric("unroll_sequences_kept"), 3);
  EXPECT_EQ(server_.Stop(), 0);
}

// langid runs many quanta for a long sequence, whose answers wait for their
// reader: until it reads on, the request is under way.
class PausedStreamTest : public InferStreamTest {
 protected:
  static constexpr int64_t kSteps = 40000;

  static Request Tokens(int64_t count) {
    Request request;
    request.set_model_name("langid");
    unroll::testing::AddRaw(
        "tokens", "INT32", {1, count},
        unroll::testing::Bytes(std::vector<int32_t>(count, 1)), request);
    return request;
  }
  static Request TokensOfSequence(int64_t count) {
    Request request = Tokens(count);
    Parameter(request, "sequence_id").set_int64_param(7);
    return request;
  }
  void Pause(const Request& request) {
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
    Open();
    stream_->Write(Stepwise(request));
    int looks = 0;
    while (langid_.Metric("unroll_sequences_paused") == 0 && ++looks < 10000) {
    }
    EXPECT_LT(looks, 10000);
  }
  // The scores of a request's steps.
  std::vector<float> ReadToFinal() {
    std::vector<float> scores;
    Response response;
    while (stream_->Read(&response) && !IsFinal(response)) {
      const auto rows = OutputFloats(response.infer_response(), "scores");
      scores.insert(scores.end(), rows.begin(), rows.end());
    }
    EXPECT_EQ(response.error_message(), "");
    return scores;
  }

  ServerProcess langid_{UNROLL_MODELS,
                        {"--max-message-bytes=64MiB", "--quantum=10us",
                         "--slow-reader-timeout=24h", "--drain-timeout=1h"}};
  // A connection whose buffers do not grow.
  const std::shared_ptr<grpc::Channel> channel_ = [this] {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return grpc::CreateCustomChannel(
        langid_.address(), grpc::InsecureChannelCredentials(), arguments);
  }();
};

TEST_F(PausedStreamTest, NothingIsLostToASlowReader) {
  const auto whole = ModelInfer(langid_, Tokens(kSteps));
  ASSERT_TRUE(whole.status.ok()) << whole.status.error_message();
  Pause(Tokens(kSteps));
  stream_->WritesDone();
  EXPECT_EQ(ReadToFinal(), OutputFloats(whole.response, "scores"));
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(PausedStreamTest, RequestsOfItsSequenceWaitWhateverCallTheyComeBy) {
  Request start = TokensOfSequence(kSteps);
  Parameter(start, "sequence_start").set_bool_param(true);
  Pause(start);
  // Two that do not wait for their turn: who waits pays for his request.
  const auto used = [&] { return langid_.Metric("unroll_memory_used_bytes"); };
  const double before = used();
  const auto stub = Infer(langid_);
  const Request step = TokensOfSequence(1);
  {
    grpc::ClientContext impatient;
    impatient.set_deadline(std::chrono::system_clock::now() +
                           std::chrono::milliseconds(50));
    inference::ModelInferResponse ignored;
    EXPECT_EQ(stub->ModelInfer(&impatient, step, &ignored).error_code(),
              grpc::DEADLINE_EXCEEDED);
    grpc::ClientContext context;
    const auto other = stub->ModelStreamInfer(&context);
    other->Write(step);
    while (used() == before) {
    }
    context.TryCancel();
    EXPECT_EQ(other->Finish().error_code(), grpc::CANCELLED);
    while (used() > before) {
    }
  }
  // Of the rest, as many wait as may.
  constexpr int kMore = 70;
  constexpr int kWaiting = 63;
  struct Call {
    grpc::ClientContext context;
    inference::ModelInferResponse response;
    grpc::Status status;
    unroll::testing::Notification done;
  };
  std::vector<Call> calls(kMore);
  for (Call& call : calls) {
    stub->async()->ModelInfer(&call.context, &step, &call.response,
                              [&](grpc::Status status) {
                                call.status = status;
                                call.done.Notify();
                              });
  }
  while (langid_.Metric("unroll_refusals_total", "QUEUE_TOO_LONG") <
         kMore - kWaiting) {
  }
  EXPECT_EQ(langid_.Metric("unroll_requests_total", "code=\"OK\""), 0);
  ReadToFinal();
  std::set<int64_t> steps_done;
  for (Call& call : calls) {
    call.done.WaitForNotification();
    if (call.status.ok()) {
      steps_done.insert(
          call.response.parameters().at("steps_done").int64_param());
    } else {
      EXPECT_THAT(call.status.error_message(),
                  HasSubstr("64 requests of it have not been answered"));
    }
  }
  EXPECT_EQ(steps_done.size(), kWaiting);
  EXPECT_EQ(*steps_done.begin(), kSteps + 1);
  EXPECT_EQ(*steps_done.rbegin(), kSteps + kWaiting);
  EXPECT_EQ(langid_.Metric("unroll_refusals_total", "QUEUE_TOO_LONG"),
            kMore - kWaiting);
}

TEST_F(PausedStreamTest, ADrainLetsItEndAndThenTellsWhyTheStreamEnds) {
  Request start = TokensOfSequence(kSteps);
  Parameter(start, "sequence_start").set_bool_param(true);
  Pause(start);
  stream_->Write(TokensOfSequence(1));
  langid_.process().Signal(SIGTERM);
  langid_.process().WaitForOutput("draining");
  grpc::ClientContext context;
  const auto late = stub_->ModelStreamInfer(&context)->Finish();
  EXPECT_EQ(ReasonOf(late), "unroll/DRAINING") << late.error_message();
  EXPECT_EQ(std::ssize(ReadToFinal()), kSteps * 12);
  // It may have waited for its turn, or not been read any more.
  Response response;
  if (stream_->Read(&response)) {
    EXPECT_THAT(response.error_message(), StartsWith("UNAVAILABLE (DRAINING)"));
    EXPECT_FALSE(stream_->Read(&response));
  }
  const auto end = stream_->Finish();
  EXPECT_EQ(end.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(end), "unroll/DRAINING") << end.error_message();
  EXPECT_EQ(langid_.process().Wait(), 0);
}

// Nobody reads: what is under way on a stream is bounded, so that the server
// stops reading; neighbours do not notice.
TEST_F(InferStreamTest, AStreamThatIsNotReadIsNotReadFrom) {
  Open();
  std::thread writer([&] {
    while (stream_->Write(Stepwise(InferRequest(Case(), 1)))) {
    }
  });
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(ModelInfer(server_, InferRequest(Case())).status.ok());
  }
  EXPECT_LT(server_.Metric("unroll_memory_used_bytes"), 64 << 20);
  context_.TryCancel();
  writer.join();
  stream_->Finish();
}

TEST_F(InferStreamTest, ADrainEndsAnIdleStreamAndSaysWhy) {
  Open();
  stream_->Write(OfSequence(7, 0, 4, "before"));
  Response response;
  ASSERT_TRUE(stream_->Read(&response));
  EXPECT_EQ(response.infer_response().id(), "before");
  EXPECT_EQ(server_.Stop(), 0) << "an idle stream does not hold it up";
  EXPECT_FALSE(stream_->Read(&response));
  const auto end = stream_->Finish();
  EXPECT_EQ(end.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(end), "unroll/DRAINING") << end.error_message();
}

}  // namespace
}  // namespace unroll
