// Each kind of bad ModelInfer request gets its code and a sentence that says
// what is wrong, and the server goes on.

#include <gmock/gmock.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/support/infer.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::AddRaw;
using unroll::testing::Bytes;
using unroll::testing::InferRequest;
using unroll::testing::ModelInfer;
using unroll::testing::Parameter;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::WriteRepository;

using Request = inference::ModelInferRequest;

constexpr char kFeatures[] = "softmax_each_step_d1_nobias_c10_v0_h33";  // I 12
constexpr char kTokens[] = "embedding_v7_i33_h5_l2_d1";
constexpr char kBackward[] = "relu_l1_d2_bias_zero_i100_h64_t12";

class BadInferServer {
 public:
  static const ServerProcess& Get() {
    static const BadInferServer server;
    return server.server_;
  }

 private:
  static std::string Repository(const std::string& directory) {
    std::filesystem::create_directory_symlink(
        std::string(UNROLL_MODELS) + "/langid", directory + "/langid");
    return WriteRepository(
        directory, {golden::FindCase(kFeatures), golden::FindCase(kTokens),
                    golden::FindCase(kBackward)});
  }
  TempDirectory directory_;
  ServerProcess server_{Repository(directory_.path()),
                        {"--max-steps=100", "--max-message-bytes=64KiB"}};
};

struct BadRequest {
  std::string name;
  std::function<void(Request&)> spoil;  // of a good one with features
  grpc::StatusCode code;
  std::string message;
};

void PrintTo(const BadRequest& bad, std::ostream* out) { *out << bad.name; }

void Use(Request& r, const std::string& model) {
  r = InferRequest(golden::FindCase(model));
}

// langid with a text.
void UseText(Request& r, const std::string& bytes, const Shape& shape = {1}) {
  r.Clear();
  r.set_model_name("langid");
  AddRaw("text", "BYTES", shape, bytes, r);
}

void SetInput(Request& r, const std::string& datatype, const Shape& shape,
              size_t bytes, float value = 0.5f) {
  r.clear_inputs();
  r.clear_raw_input_contents();
  AddRaw("input", datatype, shape, Bytes(std::vector<float>(bytes / 4, value)),
         r);
}

void AddLengths(Request& r, std::vector<int64_t> lengths) {
  AddRaw("lengths", "INT64", {std::ssize(lengths)}, Bytes(lengths), r);
}

constexpr auto kInvalid = grpc::INVALID_ARGUMENT;

std::vector<BadRequest> Names() {
  return {
      {"UnknownModel", [](auto& r) { r.set_model_name("nope"); },
       grpc::NOT_FOUND, "known models: "},
      {"EmptyModelName", [](auto& r) { r.clear_model_name(); }, grpc::NOT_FOUND,
       "known models: "},
      {"UnknownVersion", [](auto& r) { r.set_model_version("7"); },
       grpc::NOT_FOUND, "has no version 7; known versions: 1"},
      {"VersionThatIsNoNumber", [](auto& r) { r.set_model_version("latest"); },
       kInvalid, "model_version: \"latest\", expected a whole number above 0"},
      {"VersionZero", [](auto& r) { r.set_model_version("0"); }, kInvalid,
       "model_version: \"0\""},
      {"VersionTooLarge",
       [](auto& r) { r.set_model_version("99999999999999999999"); }, kInvalid,
       "model_version: "},
      {"NegativeVersion", [](auto& r) { r.set_model_version("-1"); }, kInvalid,
       "model_version: \"-1\""},
  };
}

std::vector<BadRequest> Tensors() {
  return {
      {"NoInputs",
       [](auto& r) {
         r.clear_inputs();
         r.clear_raw_input_contents();
       },
       kInvalid, "inputs: none with the sequences' steps, expected input"},
      {"UnknownInput", [](auto& r) { r.mutable_inputs(1)->set_name("h0"); },
       kInvalid, "input \"h0\": is not known, expected input, and maybe "},
      {"EmptyInputName", [](auto& r) { r.mutable_inputs(1)->clear_name(); },
       kInvalid, "input \"\": is not known"},
      {"InputTwice", [](auto& r) { r.mutable_inputs(1)->set_name("input"); },
       kInvalid, "input \"input\": "},
      {"TokensForFeatures",
       [](auto& r) {
         r.clear_inputs();
         r.clear_raw_input_contents();
         AddRaw("tokens", "INT64", {1, 1}, Bytes(std::vector<int64_t>{0}), r);
       },
       kInvalid, "input \"tokens\": does not suit the model, expected input"},
      {"FeaturesForTokens", [](auto& r) { r.set_model_name(kTokens); },
       kInvalid, "input \"input\": does not suit the model, expected tokens"},
      {"TextWithoutVocabulary",
       [](auto& r) {
         UseText(r, Bytes(std::vector<std::string>{"a"}));
         r.set_model_name(kTokens);
       },
       kInvalid, "input \"text\": does not suit the model, expected tokens"},
      {"TokensAndText",
       [](auto& r) {
         UseText(r, Bytes(std::vector<std::string>{"a"}));
         AddRaw("tokens", "INT64", {1, 1}, Bytes(std::vector<int64_t>{0}), r);
       },
       kInvalid, "more than one with the sequences' steps, expected tokens or"},
      {"UnknownDatatype",
       [](auto& r) { r.mutable_inputs(0)->set_datatype("FP8"); }, kInvalid,
       "datatype \"FP8\", expected FP32, FP16, BF16"},
      {"NoDatatype", [](auto& r) { r.mutable_inputs(0)->clear_datatype(); },
       kInvalid, "datatype \"\""},
      {"DatatypeOfAnotherInput",
       [](auto& r) { r.mutable_inputs(0)->set_datatype("INT32"); }, kInvalid,
       "input \"input\": INT32 [1,4,12], expected FP32 or FP16 or BF16 "
       "[N,T,12]"},
      {"FloatTokens",
       [](auto& r) {
         Use(r, kTokens);
         r.mutable_inputs(0)->set_datatype("FP32");
         r.mutable_inputs(0)->set_shape(1, 30);
       },
       kInvalid,
       "input \"tokens\": FP32 [1,30], expected INT64 or INT32 [N,T]"},
      {"OneDimension", [](auto& r) { SetInput(r, "FP32", {12}, 48); }, kInvalid,
       "input \"input\": FP32 [12], expected"},
      {"WrongWidth",
       [](auto& r) {
         SetInput(r, "FP32", {1, 2, 6}, 48);
       },
       kInvalid, "FP32 [1,2,6], expected FP32 or FP16 or BF16 [N,T,12]"},
      {"NoSequences",
       [](auto& r) {
         SetInput(r, "FP32", {0, 3, 12}, 0);
       },
       kInvalid, "no sequences, expected 1 or more"},
      {"NoSteps",
       [](auto& r) {
         SetInput(r, "FP32", {2, 0, 12}, 0);
       },
       kInvalid, "the sequence is empty"},
      {"TooManySteps",
       [](auto& r) {
         SetInput(r, "FP32", {1, 101, 12}, 101 * 48);
       },
       kInvalid, "sequence 0: 101 steps, expected at most 100 (--max-steps)"},
      {"NegativeShape",
       [](auto& r) {
         SetInput(r, "FP32", {1, -1, 12}, 48);
       },
       kInvalid, "shape [1,-1,12], expected sizes of 0 or more"},
      {"OverflowingShape",
       [](auto& r) {
         SetInput(r, "FP32", {int64_t{1} << 40, int64_t{1} << 40, 12}, 48);
       },
       kInvalid, "and a sound product"},
      {"OverflowingBytes",
       [](auto& r) {
         SetInput(r, "FP32", {int64_t{1} << 61, 1, 1}, 48);
       },
       kInvalid, "48 bytes of raw data, expected a sound size for FP32"},
      {"HugeShape",
       [](auto& r) {
         SetInput(r, "FP32", {1, int64_t{1} << 40, 12}, 48);
       },
       kInvalid, "48 bytes of raw data, expected 52776558133248 for FP32"},
      {"HugeNumberOfTexts",
       [](auto& r) { UseText(r, "abcd", {int64_t{1} << 60}); }, kInvalid,
       "4 bytes of raw data, expected 4611686018427387904 or more for BYTES"},
      {"TooFewBytes",
       [](auto& r) { r.mutable_raw_input_contents(0)->pop_back(); }, kInvalid,
       "191 bytes of raw data, expected 192 for FP32 [1,4,12]"},
      {"TooManyBytes",
       [](auto& r) { r.mutable_raw_input_contents(0)->push_back('x'); },
       kInvalid, "193 bytes of raw data, expected 192"},
      {"NotANumber",
       [](auto& r) {
         SetInput(r, "FP32", {1, 2, 12}, 96, std::nanf(""));
       },
       kInvalid, "sequence 0: input: element 0 is nan, expected a finite"},
      {"InfiniteHalf",
       [](auto& r) {
         r.clear_inputs();
         r.clear_raw_input_contents();
         AddRaw("input", "FP16", {1, 1, 12},
                Bytes(std::vector<uint16_t>(12, 0x7C00)), r);
       },
       kInvalid, "element 0 is inf"},
      {"TokenOutOfVocabulary",
       [](auto& r) {
         Use(r, kTokens);
         r.mutable_raw_input_contents(0)->replace(
             8, 8, Bytes(std::vector<int64_t>{7}));
       },
       kInvalid, "sequence 0: tokens[1]: 7, expected 0 to 6"},
      {"NegativeToken",
       [](auto& r) {
         Use(r, kTokens);
         r.mutable_raw_input_contents(0)->replace(
             0, 8, Bytes(std::vector<int64_t>{-1}));
       },
       kInvalid, "tokens[0]: -1, expected 0 to 6"},
      {"TextThatIsNoUtf8",
       [](auto& r) { UseText(r, Bytes(std::vector<std::string>{"a\xff"})); },
       kInvalid, "sequence 0: "},
      {"EmptyText",
       [](auto& r) {
         UseText(r, Bytes(std::vector<std::string>{"a", ""}), {2});
       },
       kInvalid, "sequence 1: the sequence is empty"},
      {"TextPastItsEnd",
       [](auto& r) { UseText(r, Bytes(std::vector<uint32_t>{9}) + "abc"); },
       kInvalid, "element 0 has 9 bytes, but 3 are left of the raw data"},
      {"TextWithARest",
       [](auto& r) { UseText(r, Bytes(std::vector<std::string>{"a"}) + "xy"); },
       kInvalid, "1 elements and 2 bytes of raw data, expected 1 elements"},
      {"FewerTextsThanTheShapeSays",
       [](auto& r) {
         UseText(r, Bytes(std::vector<std::string>{"a long one"}), {2});
       },
       kInvalid, "1 elements and 0 bytes of raw data, expected 2 elements"},
      {"TextsInRows",
       [](auto& r) {
         UseText(r, Bytes(std::vector<std::string>{"a", "b"}), {1, 2});
       },
       kInvalid, "input \"text\": BYTES [1,2], expected BYTES [N]"},
  };
}

std::vector<BadRequest> Contents() {
  return {
      {"RawAndTyped",
       [](auto& r) {
         r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
       },
       kInvalid, "has contents, and the request raw_input_contents"},
      {"FewerRawThanInputs",
       [](auto& r) { r.mutable_raw_input_contents()->RemoveLast(); }, kInvalid,
       "raw_input_contents: 1, expected 2: one for each input"},
      {"MoreRawThanInputs", [](auto& r) { r.add_raw_input_contents("x"); },
       kInvalid, "raw_input_contents: 3, expected 2"},
      {"NoContents", [](auto& r) { r.clear_raw_input_contents(); }, kInvalid,
       "0 elements in fp32_contents, expected 48"},
      {"TypedInTheWrongField",
       [](auto& r) {
         r.clear_raw_input_contents();
         r.mutable_inputs(0)->mutable_contents()->add_fp64_contents(1);
       },
       kInvalid, "0 elements in fp32_contents, expected 48"},
      {"TypedHalf",
       [](auto& r) {
         r.clear_raw_input_contents();
         r.mutable_inputs(0)->set_datatype("FP16");
       },
       kInvalid, "FP16 has no typed contents, expected raw_input_contents"},
      {"SharedMemory",
       [](auto& r) {
         (*r.mutable_inputs(0)->mutable_parameters())["shared_memory_region"]
             .set_string_param("region");
       },
       grpc::UNIMPLEMENTED, "input \"input\": shared memory is not served"},
      {"LengthZero", [](auto& r) { AddLengths(r, {0}); }, kInvalid,
       "input \"lengths\": element 0 is 0, expected 1 to 4"},
      {"LengthTooLong", [](auto& r) { AddLengths(r, {5}); }, kInvalid,
       "element 0 is 5, expected 1 to 4"},
      {"NegativeLength", [](auto& r) { AddLengths(r, {INT64_MIN}); }, kInvalid,
       "element 0 is -9223372036854775808"},
      {"MoreLengthsThanSequences",
       [](auto& r) {
         AddLengths(r, {1, 1});
       },
       kInvalid, "input \"lengths\": INT64 [2], expected INT64 or INT32 [1]"},
      {"LengthsOfTexts",
       [](auto& r) {
         UseText(r, Bytes(std::vector<std::string>{"a"}));
         AddLengths(r, {1});
       },
       kInvalid, "input \"lengths\": is not known, expected tokens or text"},
      {"InitialStateOfAnotherShape",
       [](auto& r) {
         r.mutable_inputs(1)->set_shape(1, 3);
         r.mutable_inputs(1)->set_shape(2, 11);
       },
       kInvalid, "input \"h_0\": FP32 [1,3,11], expected"},
      {"InitialStateThatIsNotFinite",
       [](auto& r) {
         r.mutable_raw_input_contents(1)->replace(
             0, 4, Bytes(std::vector<float>{INFINITY}));
       },
       kInvalid, "input \"h_0\": element 0 is inf"},
      {"StateTokenOfNothing",
       [](auto& r) {
         r.mutable_inputs()->RemoveLast();
         r.mutable_raw_input_contents()->RemoveLast();
         AddRaw("state_token", "BYTES", {1},
                Bytes(std::vector<std::string>{"nonsense"}), r);
       },
       kInvalid, "sequence 0: state_token: "},
      {"StateTokenAndInitialState",
       [](auto& r) {
         AddRaw("state_token", "BYTES", {1},
                Bytes(std::vector<std::string>{"nonsense"}), r);
       },
       kInvalid, "both state_token and initial_state"},
  };
}

std::vector<BadRequest> OutputsAndParameters() {
  const auto classification = [](Request & r) -> auto& {
    auto& output = *r.add_outputs();
    output.set_name("scores");
    return (*output.mutable_parameters())["classification"];
  };
  return {
      {"UnknownOutput", [](auto& r) { r.add_outputs()->set_name("logits"); },
       kInvalid,
       "output \"logits\": the model does not give it, expected hidden, h_n, "
       "scores or state_token"},
      {"EmptyOutputName", [](auto& r) { r.add_outputs(); }, kInvalid,
       "output \"\": the model does not give it"},
      {"ScoresWithoutAHead",
       [](auto& r) {
         Use(r, kTokens);
         r.add_outputs()->set_name("scores");
       },
       kInvalid, "output \"scores\": the model does not give it"},
      {"OutputTwice",
       [](auto& r) {
         r.add_outputs()->set_name("hidden");
         r.add_outputs()->set_name("hidden");
       },
       kInvalid, "output \"hidden\": comes twice"},
      {"OutputInSharedMemory",
       [](auto& r) {
         auto& output = *r.add_outputs();
         output.set_name("hidden");
         (*output.mutable_parameters())["shared_memory_region"]
             .set_string_param("region");
       },
       grpc::UNIMPLEMENTED, "output \"hidden\": "},
      {"ClassificationOfHidden",
       [](auto& r) {
         auto& output = *r.add_outputs();
         output.set_name("hidden");
         (*output.mutable_parameters())["classification"].set_int64_param(1);
       },
       kInvalid, "output \"hidden\": parameter \"classification\" is for sco"},
      {"MoreClassesThanThereAre",
       [=](auto& r) { classification(r).set_int64_param(11); }, kInvalid,
       "parameter \"classification\": 11, expected 1 to 10"},
      {"NoClasses", [=](auto& r) { classification(r).set_int64_param(0); },
       kInvalid, "parameter \"classification\": 0, expected 1 or more"},
      {"ClassificationOfAWrongKind",
       [=](auto& r) { classification(r).set_string_param("3"); }, kInvalid,
       "parameter \"classification\": string_param, expected int64_param"},
      {"UnknownTritonParameter",
       [](auto& r) { Parameter(r, "triton_magic").set_bool_param(true); },
       kInvalid, "parameter \"triton_magic\": is not known"},
      {"FinalResponseOfAWrongKind",
       [](auto& r) {
         Parameter(r, "triton_enable_empty_final_response").set_int64_param(1);
       },
       kInvalid, "int64_param, expected bool_param"},
      {"PriorityTooLow",
       [](auto& r) { Parameter(r, "priority").set_uint64_param(22); }, kInvalid,
       "parameter \"priority\": 22, expected 1, the highest, to 21, or 0"},
      {"NegativePriority",
       [](auto& r) { Parameter(r, "priority").set_int64_param(-1); }, kInvalid,
       "parameter \"priority\": -1"},
      {"HugePriority",
       [](auto& r) { Parameter(r, "priority").set_uint64_param(UINT64_MAX); },
       kInvalid, "parameter \"priority\": 18446744073709551615"},
      {"PriorityOfAWrongKind",
       [](auto& r) { Parameter(r, "priority").set_string_param("1"); },
       kInvalid, "string_param, expected uint64_param or int64_param"},
      {"NegativeTimeout",
       [](auto& r) { Parameter(r, "timeout").set_int64_param(-5); }, kInvalid,
       "parameter \"timeout\": -5 us, expected 0 or more"},
      {"TimeoutOfAWrongKind",
       [](auto& r) { Parameter(r, "timeout").set_double_param(0.5); }, kInvalid,
       "parameter \"timeout\": double_param, expected int64_param"},
      {"StateTokenThatIsNoBase64",
       [](auto& r) { Parameter(r, "state_token").set_string_param("%"); },
       kInvalid, "parameter \"state_token\": is not base64"},
      {"StateTokenOfAWrongKind",
       [](auto& r) { Parameter(r, "state_token").set_int64_param(1); },
       kInvalid, "int64_param, expected bool_param or string_param"},
      {"StateTokenOfAModelThatRunsBackward",
       [](auto& r) {
         Use(r, kBackward);
         Parameter(r, "state_token").set_bool_param(true);
       },
       kInvalid, "output \"state_token\": the model runs backward"},
      {"EmptyParameter", [](auto& r) { Parameter(r, "require_exact"); },
       kInvalid, "parameter \"require_exact\": nothing, expected bool_param"},
      {"ReplyTooLarge",
       [](auto& r) {
         Use(r, kTokens);
         r.clear_inputs();
         r.clear_raw_input_contents();
         AddRaw("tokens", "INT32", {100, 100},
                Bytes(std::vector<int32_t>(10000, 0)), r);
       },
       grpc::RESOURCE_EXHAUSTED,
       "the reply would be 204384 bytes, expected at most 65536 (--max-mes"},
  };
}

std::vector<BadRequest> All() {
  std::vector<BadRequest> all;
  for (auto list : {Names(), Tensors(), Contents(), OutputsAndParameters()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

class InferBadInputTest : public ::testing::TestWithParam<BadRequest> {};

TEST_P(InferBadInputTest, IsRefusedWithItsCodeAndSentence) {
  const ServerProcess& server = BadInferServer::Get();
  const Request good = InferRequest(golden::FindCase(kFeatures));
  Request request = good;
  GetParam().spoil(request);
  const auto reply = ModelInfer(server, request);
  EXPECT_EQ(reply.status.error_code(), GetParam().code)
      << reply.status.error_message();
  EXPECT_THAT(reply.status.error_message(), HasSubstr(GetParam().message));
  const auto after = ModelInfer(server, good);
  EXPECT_TRUE(after.status.ok()) << after.status.error_message();
  EXPECT_LT(server.Metric("unroll_memory_used_bytes"), 1 << 24);
}

INSTANTIATE_TEST_SUITE_P(Requests, InferBadInputTest,
                         ::testing::ValuesIn(All()),
                         [](const auto& info) { return info.param.name; });

// On a stream it is answered like any other bad request, and is not taken for
// the half-close.
TEST(InferUnreadableTest, ARequestThatCannotBeReadIsSaidToBeNone) {
  using grpc::internal::RpcMethod;
  const auto channel = BadInferServer::Get().channel();
  const Request good = InferRequest(golden::FindCase(kFeatures));
  std::string cut = good.SerializeAsString();
  cut.pop_back();
  const grpc::Slice slices[] = {grpc::Slice(cut),
                                grpc::Slice(good.SerializeAsString())};
  const grpc::ByteBuffer bad(&slices[0], 1), fine(&slices[1], 1);
  grpc::ClientContext unary_context, stream_context;
  inference::ModelInferResponse response;
  const grpc::Status status = grpc::internal::BlockingUnaryCall(
      channel.get(),
      RpcMethod("/inference.GRPCInferenceService/ModelInfer",
                RpcMethod::NORMAL_RPC),
      &unary_context, bad, &response);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("no ModelInferRequest"));

  using Response = inference::ModelStreamInferResponse;
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, Response>>
      stream(grpc::internal::
                 ClientReaderWriterFactory<grpc::ByteBuffer, Response>::Create(
                     channel.get(),
                     RpcMethod("/inference.GRPCInferenceService/"
                               "ModelStreamInfer",
                               RpcMethod::BIDI_STREAMING),
                     &stream_context));
  stream->Write(bad);
  Response answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_THAT(answer.error_message(), HasSubstr("no ModelInferRequest"));
  stream->Write(fine);
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.error_message(), "");
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace unroll
