// Graphs through the real server: what PyTorch exported, what tf2onnx makes,
// and the RNN cases of ONNX's own backend tests, with the numbers that these
// give.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/format/safetensors.h"
#include "tests/support/predict.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

namespace fs = std::filesystem;
using unroll::testing::Predict;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;
using unroll::testing::ToMessage;
using unroll::testing::Values;

// NAME.onnx, and in NAME.safetensors inputs "0.input" (features or, I64, token
// ids), "0.h_0", "1.input", ... and what comes of them: "0.hidden", "0.h_n",
// "0.scores".
const fs::path kData = UNROLL_SOURCE_DIR "/tests/data/onnx";

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kData)) {
    if (entry.path().extension() == ".onnx") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class OnnxServer {
 public:
  static const ServerProcess& Get() {
    static const OnnxServer server;
    return server.server_;
  }

 private:
  static std::string Copied(const TempDirectory& directory) {
    for (const std::string& name : Names()) {
      fs::create_directory(directory / name);
      fs::copy_file(kData / (name + ".onnx"), directory / name + "/model.onnx");
    }
    return directory.path();
  }

  TempDirectory directory_;
  ServerProcess server_{Copied(directory_), {"--max-batch-rows=4"}};
};

void ExpectClose(const v1::Tensor& got, const SafetensorsFile& expected,
                 const std::string& name) {
  const StoredTensor* stored = expected.Find(name);
  if (stored == nullptr) return;
  ASSERT_OK_AND_ASSIGN(const Tensor want, expected.Read(*stored));
  const std::vector<float> values = Values(got);
  ASSERT_EQ(values.size(), want.values.size()) << name;
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(values[i], want.values[i],
                1e-5 * std::max(1.0f, std::abs(want.values[i])))
        << name << " " << i;
  }
}

class OnnxTest : public ::testing::TestWithParam<std::string> {};

TEST_P(OnnxTest, GivesTheNumbersOfItsMaker) {
  ASSERT_OK_AND_ASSIGN(
      File file, File::Open((kData / (GetParam() + ".safetensors")).string()));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<SafetensorsFile> data,
                       SafetensorsFile::Open(std::move(file), GetParam()));
  v1::PredictRequest request;
  request.set_model(GetParam());
  for (int i = 0;; ++i) {
    const StoredTensor* input = data->Find(absl::StrCat(i, ".input"));
    if (input == nullptr) break;
    v1::Sequence& sequence = *request.add_sequences();
    if (input->dtype.name != "I64") {
      ASSERT_OK_AND_ASSIGN(const Tensor features, data->Read(*input));
      *sequence.mutable_features() = ToMessage(features);
    } else {
      ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> ids,
                           data->ReadIntegers(*input));
      sequence.mutable_token_ids()->mutable_ids()->Assign(ids.begin(),
                                                          ids.end());
    }
    if (const StoredTensor* h_0 = data->Find(absl::StrCat(i, ".h_0"))) {
      ASSERT_OK_AND_ASSIGN(const Tensor state, data->Read(*h_0));
      (*sequence.mutable_initial_state()->mutable_tensors())["h"] =
          ToMessage(state);
    }
  }
  ASSERT_GT(request.sequences_size(), 0);
  const auto reply = Predict(OnnxServer::Get(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  for (int i = 0; i < request.sequences_size(); ++i) {
    const v1::SequenceResult& result = reply.response.results(i);
    ExpectClose(result.hidden(), *data, absl::StrCat(i, ".hidden"));
    ExpectClose(result.final_state().tensors().at("h"), *data,
                absl::StrCat(i, ".h_n"));
    ExpectClose(result.scores(), *data, absl::StrCat(i, ".scores"));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, OnnxTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace unroll
