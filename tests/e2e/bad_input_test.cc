// Each kind of bad call gets its code and a message that says what is wrong,
// and the server goes on.

#include <gmock/gmock.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::Predict;
using unroll::testing::PredictStream;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::ToMessage;

// A model of features [T, I], with a head on each step and no labels, besides
// the bundled langid.
const golden::Case& FeatureCase() {
  for (const golden::Case& c : golden::Cases()) {
    if (c.head && c.vocabulary_size == 0 && c.spec.directions == 1 &&
        c.head->applied_to == AppliedTo::kEachStep) {
      return c;
    }
  }
  std::abort();
}

const golden::Case& HeadlessCase() {
  for (const golden::Case& c : golden::Cases()) {
    if (!c.head && c.vocabulary_size == 0 && c.spec.directions == 1) return c;
  }
  std::abort();
}

std::string MakeRepository(const std::string& directory) {
  unroll::testing::WriteRepository(directory, {FeatureCase(), HeadlessCase()});
  std::filesystem::create_directory_symlink(
      std::string(UNROLL_MODELS) + "/langid", directory + "/langid");
  return directory;
}

class BadInputServer {
 public:
  static const ServerProcess& Get() {
    static const BadInputServer server;
    return server.server_;
  }

 private:
  TempDirectory directory_;
  ServerProcess server_{MakeRepository(directory_.path()),
                        {"--max-steps=100", "--max-message-bytes=64KiB"}};
};

struct BadCall {
  std::string name;
  std::function<void(v1::PredictRequest&)> spoil;
  grpc::StatusCode code;
  std::string message;
};

void PrintTo(const BadCall& bad, std::ostream* out) { *out << bad.name; }

v1::PredictRequest Good() {
  v1::PredictRequest request;
  request.set_model(FeatureCase().name);
  *request.add_sequences() = ToMessage(FeatureCase());
  return request;
}

v1::Tensor& Features(v1::PredictRequest& r) {
  return *r.mutable_sequences(0)->mutable_features();
}

void SetFeatures(v1::PredictRequest& r, int64_t steps, int64_t width,
                 float value = 0.5f) {
  Features(r) = ToMessage(
      Tensor{{steps, width}, std::vector<float>(steps * width, value)});
}

void UseLangid(v1::PredictRequest& r, const std::string& text) {
  r.set_model("langid");
  r.mutable_sequences(0)->clear_initial_state();
  r.mutable_sequences(0)->set_text(text);
}

std::vector<BadCall> BadCalls() {
  const int64_t width = FeatureCase().spec.input_size;
  const int64_t hidden = FeatureCase().spec.hidden_size;
  const auto set_state = [](v1::PredictRequest& r, const std::string& name,
                            const Shape& shape, int64_t count) {
    (*r.mutable_sequences(0)
          ->mutable_initial_state()
          ->mutable_tensors())[name] =
        ToMessage(Tensor{shape, std::vector<float>(count, 0.0f)});
  };
  constexpr auto kInvalid = grpc::INVALID_ARGUMENT;
  return {
      {"UnknownModel", [](auto& r) { r.set_model("nope"); }, grpc::NOT_FOUND,
       "known models: "},
      {"EmptyModelName", [](auto& r) { r.clear_model(); }, grpc::NOT_FOUND,
       "known models: "},
      {"UnknownVersion", [](auto& r) { r.set_version(7); }, grpc::NOT_FOUND,
       "has no version 7; known versions: 1"},
      {"NegativeVersion", [](auto& r) { r.set_version(-1); }, grpc::NOT_FOUND,
       "has no version -1"},
      {"NoSequences", [](auto& r) { r.clear_sequences(); }, kInvalid,
       "sequences: none"},
      {"NoInput", [](auto& r) { r.mutable_sequences(0)->clear_input(); },
       kInvalid, "sequences[0]: no input"},
      {"SecondSequenceIsNamed", [](auto& r) { r.add_sequences(); }, kInvalid,
       "sequences[1]: no input"},
      {"WrongWidth", [=](auto& r) { SetFeatures(r, 2, width + 1); }, kInvalid,
       "expected [T," + std::to_string(width) + "]"},
      {"OneDimension",
       [](auto& r) { Features(r).mutable_shape()->Truncate(1); }, kInvalid,
       "features: shape ["},
      {"NoSteps", [=](auto& r) { SetFeatures(r, 0, width); }, kInvalid,
       "the sequence is empty"},
      {"TooManySteps", [=](auto& r) { SetFeatures(r, 101, width); }, kInvalid,
       "101 steps, expected at most 100 (--max-steps)"},
      {"TooFewBytes", [](auto& r) { Features(r).mutable_data()->pop_back(); },
       kInvalid, "bytes of data, expected"},
      {"TooManyBytes",
       [](auto& r) { Features(r).mutable_data()->push_back('x'); }, kInvalid,
       "bytes of data, expected"},
      {"UnknownDataType",
       [](auto& r) { Features(r).set_data_type(v1::DataType(9)); }, kInvalid,
       "data_type 9, expected FLOAT32"},
      {"NegativeShape", [](auto& r) { Features(r).set_shape(0, -2); }, kInvalid,
       ""},
      {"OverflowingShape",
       [](auto& r) { Features(r).set_shape(0, int64_t{1} << 62); }, kInvalid,
       ""},
      {"NotANumber", [=](auto& r) { SetFeatures(r, 2, width, std::nanf("")); },
       kInvalid, "features: element 0 is nan"},
      {"Infinite",
       [=](auto& r) {
         SetFeatures(r, 2, width, std::numeric_limits<float>::infinity());
       },
       kInvalid, "expected a finite number"},
      {"TokensForFeatures",
       [](auto& r) { r.mutable_sequences(0)->mutable_token_ids()->add_ids(1); },
       kInvalid, "the model takes features"},
      {"TextForFeatures",
       [](auto& r) { r.mutable_sequences(0)->set_text("hello"); }, kInvalid,
       "the model has no vocabulary"},
      {"FeaturesForTokens", [](auto& r) { r.set_model("langid"); }, kInvalid,
       "the model takes tokens: give token_ids or text"},
      {"TokenTooLarge",
       [](auto& r) {
         r.set_model("langid");
         r.mutable_sequences(0)->mutable_token_ids()->add_ids(3);
         r.mutable_sequences(0)->mutable_token_ids()->add_ids(100000);
       },
       kInvalid, "token_ids[1]: 100000, expected 0 to "},
      {"TokenNegative",
       [](auto& r) {
         r.set_model("langid");
         r.mutable_sequences(0)->mutable_token_ids()->add_ids(-1);
       },
       kInvalid, "token_ids[0]: -1"},
      {"NoTokens",
       [](auto& r) {
         r.set_model("langid");
         r.mutable_sequences(0)->mutable_token_ids();
       },
       kInvalid, "the sequence is empty"},
      {"EmptyText", [](auto& r) { UseLangid(r, ""); }, kInvalid,
       "the sequence is empty"},
      {"UnknownStateTensor",
       [=](auto& r) {
         set_state(r, "c", {1, hidden}, hidden);
       },
       kInvalid, "initial_state: unknown tensor \"c\", expected \"h\""},
      {"StateOfWrongShape",
       [=](auto& r) {
         set_state(r, "h", {9, hidden}, 9 * hidden);
       },
       kInvalid, "initial_state \"h\": shape [9,"},
      {"StateWithoutTensors",
       [](auto& r) {
         r.mutable_sequences(0)->mutable_initial_state()->clear_tensors();
       },
       kInvalid, "initial_state \"h\": missing"},
      {"UnknownResult",
       [](auto& r) {
         r.mutable_outputs()->add_results(static_cast<v1::Result>(12));
       },
       kInvalid, "outputs.results: 12"},
      {"TopWithoutTopK",
       [](auto& r) { r.mutable_outputs()->add_results(v1::TOP); }, kInvalid,
       "TOP needs top_k"},
      {"StepPastTheEnd",
       [](auto& r) { r.mutable_outputs()->mutable_indices()->add_indices(99); },
       kInvalid, "outputs.indices[0]: 99"},
      {"StepsNotIncreasing",
       [](auto& r) {
         r.mutable_outputs()->mutable_indices()->add_indices(0);
         r.mutable_outputs()->mutable_indices()->add_indices(0);
       },
       kInvalid, "strictly increasing"},
      {"HugeStepThenNegative",
       [](auto& r) {
         auto& indices = *r.mutable_outputs()->mutable_indices();
         indices.add_indices(std::numeric_limits<int64_t>::max());
         indices.add_indices(-5);
       },
       kInvalid, "strictly increasing"},
      {"HugeModelName", [](auto& r) { r.set_model(std::string(20000, 'm')); },
       grpc::NOT_FOUND, "not found"},
      {"HugeLabel",
       [](auto& r) {
         UseLangid(r, "hello");
         r.mutable_outputs()->add_candidates()->set_label(
             std::string(20000, 'l'));
       },
       kInvalid, "label "},
      {"NegativeStep",
       [](auto& r) { r.mutable_outputs()->mutable_indices()->add_indices(-1); },
       kInvalid, "outputs.indices[0]: -1"},
      {"TopKTooLarge", [](auto& r) { r.mutable_outputs()->set_top_k(1 << 20); },
       kInvalid, "outputs.top_k: 1048576"},
      {"TopKNegative", [](auto& r) { r.mutable_outputs()->set_top_k(-1); },
       kInvalid, "outputs.top_k: -1"},
      {"CandidateOutOfRange",
       [](auto& r) {
         r.mutable_outputs()->add_candidates()->set_class_(1 << 20);
       },
       kInvalid, "outputs.candidates[0]: class 1048576"},
      {"CandidateTwice",
       [](auto& r) {
         r.mutable_outputs()->add_candidates()->set_class_(0);
         r.mutable_outputs()->add_candidates()->set_class_(0);
       },
       kInvalid, "named before"},
      {"CandidateEmpty", [](auto& r) { r.mutable_outputs()->add_candidates(); },
       kInvalid, "expected a class or a label"},
      {"UnknownLabel",
       [](auto& r) {
         UseLangid(r, "hello");
         r.mutable_outputs()->add_candidates()->set_label("Klingon");
       },
       kInvalid, "label \"Klingon\""},
      {"ScoresWithoutHead",
       [](auto& r) {
         r.set_model(HeadlessCase().name);
         *r.mutable_sequences(0) = ToMessage(HeadlessCase());
         r.mutable_outputs()->add_results(v1::SCORES);
       },
       kInvalid, "the model has no head"},
      {"LongRequestId",
       [](auto& r) { r.set_request_id(std::string(129, 'x')); }, kInvalid,
       "request_id: 129 bytes, expected at most 128"},
      {"RequestOverTheLimit",
       [](auto& r) { UseLangid(r, std::string(70000, 'x')); },
       grpc::RESOURCE_EXHAUSTED, "larger than max"},
      {"ReplyOverTheLimit",
       [](auto& r) { UseLangid(r, std::string(100, 'x')); },
       grpc::RESOURCE_EXHAUSTED, "the reply would be"},
  };
}

class BadInputTest : public ::testing::TestWithParam<BadCall> {};

TEST_P(BadInputTest, IsRefusedWithItsCodeAndTheServerGoesOn) {
  const BadCall& bad = GetParam();
  const ServerProcess& server = BadInputServer::Get();
  v1::PredictRequest request = Good();
  bad.spoil(request);
  const auto refused = Predict(server, request);
  EXPECT_EQ(refused.status.error_code(), bad.code)
      << refused.status.error_message();
  EXPECT_THAT(refused.status.error_message(), HasSubstr(bad.message));

  const auto good = Predict(server, Good());
  ASSERT_TRUE(good.status.ok()) << good.status.error_message();
  unroll::testing::ExpectGolden(FeatureCase(), good.response.results(0));
}

// Of calls with one sequence.
using BadStreamTest = BadInputTest;

TEST_P(BadStreamTest, IsRefusedToo) {
  const BadCall& bad = GetParam();
  v1::PredictRequest request = Good();
  bad.spoil(request);
  v1::PredictStreamRequest stream;
  stream.set_model(request.model());
  stream.set_version(request.version());
  stream.set_request_id(request.request_id());
  *stream.mutable_sequence() = request.sequences(0);
  *stream.mutable_outputs() = request.outputs();
  const auto reply = PredictStream(BadInputServer::Get(), stream);
  if (bad.name == "ReplyOverTheLimit") {
    // It comes in many messages.
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return;
  }
  EXPECT_EQ(reply.status.error_code(), bad.code)
      << reply.status.error_message();
}

std::vector<BadCall> BadStreams() {
  std::vector<BadCall> calls = BadCalls();
  std::erase_if(calls, [](const BadCall& call) {
    return call.name == "NoSequences" || call.name == "SecondSequenceIsNamed";
  });
  return calls;
}

std::string NameOf(const ::testing::TestParamInfo<BadCall>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Calls, BadInputTest, ::testing::ValuesIn(BadCalls()),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(Calls, BadStreamTest,
                         ::testing::ValuesIn(BadStreams()), NameOf);

TEST(UnreadableTest, ARequestThatCannotBeReadIsSaidToBeNone) {
  using grpc::internal::RpcMethod;
  const auto channel = BadInputServer::Get().channel();
  v1::PredictRequest request;
  request.set_model("langid");
  std::string cut = request.SerializeAsString();
  cut.pop_back();
  // Field 1, `model`, of two bytes that are no UTF-8.
  for (const std::string& bad : {cut, std::string("\x0a\x02\xff\xfe")}) {
    const grpc::Slice slice(bad);
    const grpc::ByteBuffer bytes(&slice, 1);
    grpc::ClientContext unary_context, stream_context;
    v1::PredictResponse response;
    grpc::Status status = grpc::internal::BlockingUnaryCall(
        channel.get(),
        RpcMethod("/unroll.v1.SequenceInference/Predict",
                  RpcMethod::NORMAL_RPC),
        &unary_context, bytes, &response);
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("no PredictRequest"));

    const std::unique_ptr<grpc::ClientReader<v1::PredictStreamResponse>> reader(
        grpc::internal::ClientReaderFactory<v1::PredictStreamResponse>::Create(
            channel.get(),
            RpcMethod("/unroll.v1.SequenceInference/PredictStream",
                      RpcMethod::SERVER_STREAMING),
            &stream_context, bytes));
    v1::PredictStreamResponse message;
    EXPECT_FALSE(reader->Read(&message));
    status = reader->Finish();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("no PredictStreamRequest"));
  }
}

}  // namespace
}  // namespace unroll
