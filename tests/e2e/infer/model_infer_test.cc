// ModelInfer of the Open Inference Protocol gives PyTorch's numbers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "tests/support/infer.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using unroll::testing::AddRaw;
using unroll::testing::Bytes;
using unroll::testing::InferRequest;
using unroll::testing::ModelInfer;
using unroll::testing::Output;
using unroll::testing::OutputFloats;
using unroll::testing::OutputShape;
using unroll::testing::OutputTexts;
using unroll::testing::Predict;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::WriteRepository;

// One server with every golden model, and langid.
class InferServer {
 public:
  static const ServerProcess& Get() {
    static const InferServer server;
    return server.server_;
  }

 private:
  static std::string Repository(const std::string& directory) {
    std::filesystem::create_directory_symlink(
        std::string(UNROLL_MODELS) + "/langid", directory + "/langid");
    return WriteRepository(directory, golden::Cases());
  }
  TempDirectory directory_;
  ServerProcess server_{Repository(directory_.path()), {"--max-batch-rows=4"}};
};

Shape Batched(int64_t sequences, Shape shape) {
  shape.insert(shape.begin(), sequences);
  return shape;
}

// Of the n-th of N sequences.
std::vector<float> Part(const std::vector<float>& values, int64_t n,
                        int64_t sequences) {
  const int64_t size = std::ssize(values) / sequences;
  return {values.begin() + n * size, values.begin() + (n + 1) * size};
}

void ExpectGolden(const golden::Case& c, int64_t sequences,
                  const inference::ModelInferResponse& response) {
  const golden::Outputs want = golden::Expected(c);
  const auto expect = [&](const char* name, const golden::Array& array) {
    EXPECT_EQ(OutputShape(response, name), Batched(sequences, array.shape));
    const std::vector<float> got = OutputFloats(response, name);
    for (int64_t n = 0; n < sequences; ++n) {
      golden::ExpectNear(Part(got, n, sequences), array, name);
    }
  };
  expect("hidden", want.hidden);
  expect("h_n", want.h_n);
  if (want.scores) expect("scores", *want.scores);
  EXPECT_EQ(response.outputs_size(), want.scores ? 3 : 2);
  EXPECT_EQ(response.raw_output_contents_size(), response.outputs_size());
}

class InferGoldenTest : public ::testing::TestWithParam<golden::Case> {};

TEST_P(InferGoldenTest, GivesPyTorchsNumbers) {
  inference::ModelInferRequest request = InferRequest(GetParam(), 3);
  request.set_id("seven");
  const auto reply = ModelInfer(InferServer::Get(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.response.id(), "seven");
  EXPECT_EQ(reply.response.model_name(), GetParam().name);
  EXPECT_EQ(reply.response.model_version(), "1");
  ExpectGolden(GetParam(), 3, reply.response);
}

INSTANTIATE_TEST_SUITE_P(Cases, InferGoldenTest,
                         ::testing::ValuesIn(golden::Cases()), golden::NameOf);

const golden::Case& FeatureCase() {
  return golden::FindCase("softmax_each_step_d1_nobias_c10_v0_h33");
}

inference::ModelInferResponse Answer(
    const inference::ModelInferRequest& request) {
  const auto reply = ModelInfer(InferServer::Get(), request);
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  return reply.response;
}

// The same input as typed contents.
inference::ModelInferRequest Typed(inference::ModelInferRequest request) {
  for (int i = 0; i < request.inputs_size(); ++i) {
    auto& input = *request.mutable_inputs(i);
    const std::string& raw = request.raw_input_contents(i);
    auto& contents = *input.mutable_contents();
    if (input.datatype() == "FP32") {
      const auto* values = reinterpret_cast<const float*>(raw.data());
      contents.mutable_fp32_contents()->Add(values, values + raw.size() / 4);
    } else {
      const auto* values = reinterpret_cast<const int64_t*>(raw.data());
      contents.mutable_int64_contents()->Add(values, values + raw.size() / 8);
    }
  }
  request.clear_raw_input_contents();
  return request;
}

TEST(InferTest, TypedContentsGiveTheSameBits) {
  for (const char* name : {"softmax_each_step_d1_nobias_c10_v0_h33",
                           "embedding_v7_i33_h5_l2_d1"}) {
    const auto request = InferRequest(golden::FindCase(name), 2);
    EXPECT_EQ(Answer(Typed(request)).SerializeAsString(),
              Answer(request).SerializeAsString());
  }
}

TEST(InferTest, TokensMayBeInt32RawOrTyped) {
  const golden::Case& c = golden::FindCase("embedding_v7_i33_h5_l2_d1");
  const std::vector<int32_t> tokens = golden::Tokens(c);
  inference::ModelInferRequest request;
  request.set_model_name(c.name);
  AddRaw("tokens", "INT32", {1, c.steps}, Bytes(tokens), request);
  ExpectGolden(c, 1, Answer(request));
  request.mutable_inputs(0)->mutable_contents()->mutable_int_contents()->Add(
      tokens.begin(), tokens.end());
  request.clear_raw_input_contents();
  ExpectGolden(c, 1, Answer(request));
}

TEST(InferTest, HalvesAreTheNumbersTheyStandFor) {
  const golden::Case& c = FeatureCase();
  // 1, -2 and 0.5 are exact in all three.
  const std::vector<float> floats = {1, -2, 0.5f};
  const std::vector<uint16_t> half = {0x3C00, 0xC000, 0x3800};
  const std::vector<uint16_t> bfloat16 = {0x3F80, 0xC000, 0x3F00};
  const int64_t elements = 4 * c.spec.input_size;
  const auto ask = [&](const char* datatype, const auto& cycle) {
    auto all = cycle;
    while (std::ssize(all) < elements) all.push_back(all[all.size() - 3]);
    all.resize(elements);
    inference::ModelInferRequest request;
    request.set_model_name(c.name);
    AddRaw("input", datatype, {2, 2, c.spec.input_size}, Bytes(all), request);
    return Answer(request).SerializeAsString();
  };
  EXPECT_EQ(ask("FP16", half), ask("FP32", floats));
  EXPECT_EQ(ask("BF16", bfloat16), ask("FP32", floats));
}

TEST(InferTest, RowsBeyondALengthAreNeitherReadNorComputed) {
  const golden::Case& c = FeatureCase();
  const int64_t steps = c.steps, width = c.spec.input_size;
  std::vector<float> values = golden::Features(c).values;
  inference::ModelInferRequest whole;
  whole.set_model_name(c.name);
  AddRaw("input", "FP32", {1, steps, width}, Bytes(values), whole);
  inference::ModelInferRequest cut;
  cut.set_model_name(c.name);
  values.resize(2 * width);
  AddRaw("input", "FP32", {1, 2, width}, Bytes(values), cut);
  // Both in one, the short one's rest as what nothing may read.
  std::vector<float> both = golden::Features(c).values;
  both.insert(both.end(), values.begin(), values.end());
  both.resize(2 * steps * width, std::nanf(""));
  inference::ModelInferRequest request;
  request.set_model_name(c.name);
  AddRaw("input", "FP32", {2, steps, width}, Bytes(both), request);
  AddRaw("lengths", "INT64", {2}, Bytes(std::vector<int64_t>{steps, 2}),
         request);
  const auto response = Answer(request);
  const auto long_one = Answer(whole), short_one = Answer(cut);
  for (const char* name : {"hidden", "scores", "h_n"}) {
    const std::vector<float> got = OutputFloats(response, name);
    EXPECT_EQ(Part(got, 0, 2), OutputFloats(long_one, name)) << name;
    std::vector<float> want = OutputFloats(short_one, name);
    want.resize(got.size() / 2, 0.0f);
    EXPECT_EQ(Part(got, 1, 2), want) << name;
  }
}

TEST(InferTest, OutputsComeAsNamedAndInThatOrder) {
  auto request = InferRequest(FeatureCase());
  request.add_outputs()->set_name("scores");
  request.add_outputs()->set_name("hidden");
  const auto response = Answer(request);
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "scores");
  EXPECT_EQ(response.outputs(1).name(), "hidden");
  EXPECT_EQ(OutputFloats(response, "hidden"),
            OutputFloats(Answer(InferRequest(FeatureCase())), "hidden"));
}

TEST(InferTest, TextIsTokenizedAndClassesHaveLabels) {
  inference::ModelInferRequest request;
  request.set_model_name("langid");
  const std::vector<std::string> texts = {"guten Morgen", "bonjour"};
  AddRaw("text", "BYTES", {2}, Bytes(texts), request);
  auto& output = *request.add_outputs();
  output.set_name("scores");
  (*output.mutable_parameters())["classification"].set_int64_param(2);
  const auto response = Answer(request);
  const auto& scores = Output(response, "scores");
  EXPECT_EQ(scores.datatype(), "BYTES");
  EXPECT_THAT(scores.shape(), ElementsAre(2, 12, 2));
  const auto classes = OutputTexts(response, "scores");
  ASSERT_EQ(classes.size(), 2u * 12 * 2);
  // What Predict says of the same.
  v1::PredictRequest native;
  native.set_model("langid");
  for (const std::string& text : texts) native.add_sequences()->set_text(text);
  native.mutable_outputs()->set_top_k(2);
  const auto predicted = Predict(InferServer::Get(), native).response;
  for (int n = 0; n < 2; ++n) {
    for (int t = 0; t < 12; ++t) {
      for (int k = 0; k < 2; ++k) {
        const std::string& got = classes[(n * 12 + t) * 2 + k];
        if (t >= predicted.results(n).top_size()) {
          EXPECT_EQ(got, "");
          continue;
        }
        const auto& want = predicted.results(n).top(t).classes(k);
        EXPECT_EQ(got, absl::StrFormat("%.9g:%d:%s", want.score(),
                                       want.class_(), want.label()));
      }
    }
  }
}

TEST(InferTest, AStateTokenCarriesASequenceOn) {
  const golden::Case& c = FeatureCase();
  const int64_t width = c.spec.input_size;
  const std::vector<float> values = golden::Features(c).values;
  inference::ModelInferRequest first = InferRequest(c);
  first.mutable_inputs(0)->set_shape(1, 1);
  first.mutable_raw_input_contents(0)->resize(width * sizeof(float));
  (*first.mutable_parameters())["state_token"].set_bool_param(true);
  const auto begun = Answer(first);
  EXPECT_EQ(begun.parameters().at("steps_done").int64_param(), 1);
  const auto tokens = OutputTexts(begun, "state_token");
  ASSERT_EQ(tokens.size(), 1u);

  inference::ModelInferRequest rest;
  rest.set_model_name(c.name);
  AddRaw("input", "FP32", {1, c.steps - 1, width},
         Bytes(std::vector<float>(values.begin() + width, values.end())), rest);
  auto as_parameter = rest;
  (*as_parameter.mutable_parameters())["state_token"].set_string_param(
      absl::Base64Escape(tokens[0]));
  AddRaw("state_token", "BYTES", {1}, Bytes(tokens), rest);
  const auto whole = Answer(InferRequest(c));
  for (const auto& request : {rest, as_parameter}) {
    const auto response = Answer(request);
    EXPECT_EQ(OutputFloats(response, "h_n"), OutputFloats(whole, "h_n"));
    EXPECT_EQ(response.parameters().at("steps_done").int64_param(), c.steps);
    EXPECT_TRUE(response.parameters().at("exact").bool_param());
  }
}

TEST(InferTest, IsCountedLikeEveryOtherCall) {
  const ServerProcess& server = InferServer::Get();
  const std::string labels =
      "method=\"ModelInfer\",model=\"" + FeatureCase().name + "\"";
  const double before = server.Metric("unroll_requests_total", labels);
  Answer(InferRequest(FeatureCase()));
  EXPECT_EQ(server.Metric("unroll_requests_total", labels), before + 1);
}

}  // namespace
}  // namespace unroll
