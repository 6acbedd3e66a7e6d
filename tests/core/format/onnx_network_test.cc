// Every file of tests/data/onnx: its weights are the exporter's, and what it
// folds to computes what the exporter's framework computes.

#include "core/format/onnx_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/format/safetensors.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

namespace fs = std::filesystem;
using testing::ExpectClose;
using testing::IsError;
using testing::IsOk;
using testing::Matrix;
using testing::Row;

constexpr int64_t kMaxBytes = 1 << 20;

const fs::path kFolder = fs::path(UNROLL_SOURCE_DIR) / "tests/data/onnx";

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".onnx") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<OnnxNetwork> ReadNamed(const std::string& name) {
  auto file = File::Open(kFolder / absl::StrCat(name, ".onnx"));
  if (!file.ok()) return file.status();
  return ReadOnnx(*file, kMaxBytes, "model.onnx");
}

class OnnxNetworkTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(
        File file,
        File::Open(kFolder / absl::StrCat(GetParam(), ".safetensors")));
    ASSERT_OK_AND_ASSIGN(expected_,
                         SafetensorsFile::Open(std::move(file), GetParam()));
    ASSERT_OK_AND_ASSIGN(network_, ReadNamed(GetParam()));
  }

  bool Has(const std::string& name) const {
    return expected_->Find(name) != nullptr;
  }
  Tensor Expected(const std::string& name) const {
    auto tensor = expected_->Read(*expected_->Find(name));
    return tensor.ok() ? *std::move(tensor) : Tensor();
  }
  std::string Metadata(const std::string& key) const {
    const auto found = expected_->metadata().find(key);
    return found == expected_->metadata().end() ? "" : found->second;
  }

  // A tensor of the network must be the one of that name, bit for bit; empty
  // if there is none.
  void ExpectTensor(const Tensor& got, const std::string& name) const {
    EXPECT_EQ(Has(name), !got.empty()) << name;
    if (!Has(name)) return;
    const Tensor want = Expected(name);
    EXPECT_EQ(got.shape, want.shape) << name;
    EXPECT_EQ(got.values, want.values) << name;
  }

  Matrix ExpectedRows(const std::string& name) const {
    const Tensor tensor = Expected(name);
    const int64_t width = tensor.shape.back();
    Matrix rows;
    for (auto at = tensor.values.begin(); at != tensor.values.end();
         at += width) {
      rows.emplace_back(at, at + width);
    }
    return rows;
  }

  Matrix Input(const Model& model, const std::string& name) const {
    if (expected_->Find(name)->dtype.dtype != Dtype::kOther) {
      return ExpectedRows(name);
    }
    const auto tokens = expected_->ReadIntegers(*expected_->Find(name));
    return testing::NaiveEmbed(model, {tokens->begin(), tokens->end()});
  }

  void ExpectRows(const Matrix& got, const std::string& name) const {
    if (!Has(name)) return;
    const std::vector<double> values = testing::Flatten(got);
    ExpectClose(std::vector<float>(values.begin(), values.end()),
                testing::Flatten(ExpectedRows(name)), name);
  }

  std::unique_ptr<SafetensorsFile> expected_;
  OnnxNetwork network_;
};

TEST_P(OnnxNetworkTest, HasTheWeightsOfTheExporter) {
  const ModelWeights& weights = network_.weights;
  ExpectTensor(weights.embedding, "embedding.weight");
  ExpectTensor(weights.normalization.mean, "mean");
  ExpectTensor(weights.normalization.std, "std");
  const Spec& spec = network_.spec;
  EXPECT_EQ(Name(spec.nonlinearity), Metadata("nonlinearity"));
  ASSERT_EQ(std::ssize(weights.layers), spec.num_layers * spec.directions);
  for (int64_t i = 0; i < std::ssize(weights.layers); ++i) {
    const LayerWeights& layer = weights.layers[i];
    const std::string end = absl::StrCat(
        "_l", i / spec.directions, i % spec.directions == 1 ? "_reverse" : "");
    ExpectTensor(layer.weight_ih, absl::StrCat("rnn.weight_ih", end));
    ExpectTensor(layer.weight_hh, absl::StrCat("rnn.weight_hh", end));
    ExpectTensor(layer.bias_ih, absl::StrCat("rnn.bias_ih", end));
    ExpectTensor(layer.bias_hh, absl::StrCat("rnn.bias_hh", end));
  }
  EXPECT_FALSE(Has(absl::StrCat("rnn.weight_ih_l", spec.num_layers)));
  for (size_t i = 0; i < weights.head.size(); ++i) {
    ExpectTensor(weights.head[i].weight, absl::StrCat("head.", i, ".weight"));
    ExpectTensor(weights.head[i].bias, absl::StrCat("head.", i, ".bias"));
  }
}

TEST_P(OnnxNetworkTest, HasTheHeadOfTheExporter) {
  ASSERT_EQ(network_.head.has_value(), !Metadata("applied_to").empty());
  if (!network_.head) return;
  EXPECT_EQ(Name(network_.head->applied_to), Metadata("applied_to"));
  const std::string activations =
      absl::StrJoin(network_.head->layers, " ",
                    [](std::string* out, const HeadSpec::Layer& layer) {
                      *out += Name(layer.activation);
                    });
  EXPECT_EQ(activations, Metadata("activations"));
  EXPECT_FALSE(network_.head_nodes.empty());
}

TEST_P(OnnxNetworkTest, ComputesWhatTheExporterComputes) {
  const Model model{{.spec = network_.spec,
                     .one_hot = network_.one_hot,
                     .head = network_.head},
                    network_.weights};
  int sequences = 0;
  for (; Has(absl::StrCat(sequences, ".input")); ++sequences) {
    const std::string n = absl::StrCat(sequences, ".");
    const Matrix h_0 = Has(n + "h_0") ? ExpectedRows(n + "h_0") : Matrix();
    const testing::NaiveResult result =
        testing::NaiveRnn(model, Input(model, n + "input"), h_0);
    ExpectRows(result.hidden, n + "hidden");
    ExpectRows(result.h_n, n + "h_n");
    ExpectRows(result.scores, n + "scores");
  }
  EXPECT_GT(sequences, 0);
}

INSTANTIATE_TEST_SUITE_P(Files, OnnxNetworkTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

TEST(OnnxFilesTest, SayWhereTheirPartsComeFrom) {
  ASSERT_OK_AND_ASSIGN(const OnnxNetwork network, ReadNamed("torch_embedding"));
  EXPECT_EQ(network.rnn, "/rnn/RNN");
  EXPECT_EQ(network.embedding, "embedding.weight");
  EXPECT_EQ(network.head_nodes, "/head.0/MatMul");
  EXPECT_EQ(network.metadata.at("producer"), "pytorch 1.13.0");
  EXPECT_EQ(network.metadata.at("opset"), "13");
}

TEST(OnnxFilesTest, AreRefusedPastTheLimit) {
  const auto path = kFolder / "torch_plain.onnx";
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       ReadFile(path.string(), kMaxBytes));
  const int64_t size = std::ssize(bytes);
  EXPECT_THAT(ParseOnnx(bytes, size - 1, "model.onnx"),
              IsError(absl::StatusCode::kResourceExhausted,
                      "bytes, but there is memory for"));
  EXPECT_THAT(ParseOnnx(bytes, size, "model.onnx"), IsOk());
}

TEST(OnnxFilesTest, CutShortAreRefused) {
  ASSERT_OK_AND_ASSIGN(
      const std::string bytes,
      ReadFile((kFolder / "torch_embedding.onnx").string(), kMaxBytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto network =
        ParseOnnx(std::string_view(bytes).substr(0, size), kMaxBytes, "f");
    // The operation set stands at the end; all else is needed too.
    EXPECT_FALSE(network.ok()) << size;
  }
}

TEST(OnnxFilesTest, WithAnyByteChangedAreReadOrRefused) {
  constexpr char kMasks[] = {'\x01', '\x08', '\x7F', '\x80', '\xFF'};
  for (const char* name : {"torch_embedding", "torch_h_0"}) {
    ASSERT_OK_AND_ASSIGN(
        const std::string bytes,
        ReadFile((kFolder / absl::StrCat(name, ".onnx")).string(), kMaxBytes));
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] ^= kMasks[at % std::size(kMasks)];
      const auto network = ParseOnnx(changed, kMaxBytes, "f");
      if (network.ok()) continue;
      EXPECT_THAT(std::string(network.status().message()),
                  ::testing::StartsWith("f: "));
    }
  }
}

}  // namespace
}  // namespace unroll
