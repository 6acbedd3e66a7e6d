#include "tests/bench/kernel_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "absl/strings/str_format.h"
#include "core/base/files.h"
#include "core/rnn/cpu.h"
#include "tests/bench/probes.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/random_model.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll::bench {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using unroll::testing::BytesOf;
using unroll::testing::RandomFloats;

constexpr int64_t kSteps = 5, kSequences = 3, kInput = 7, kHidden = 20;
constexpr char kSizes[] = "5 3 7 20";

Model ModelOfOneLayer(std::mt19937& generator) {
  return unroll::testing::RandomModel(
      {.spec = {.input_size = kInput, .hidden_size = kHidden, .num_layers = 1}},
      generator);
}

std::string FileOf(const LayerWeights& weights,
                   const std::vector<float>& input) {
  return BytesOf(weights.weight_ih.values) + BytesOf(weights.weight_hh.values) +
         BytesOf(weights.bias_ih.values) + BytesOf(weights.bias_hh.values) +
         BytesOf(input);
}

// Sequence n of rows [T, N, width].
std::vector<float> SequenceOf(const std::vector<float>& rows, int64_t n,
                              int64_t width) {
  std::vector<float> own;
  for (int64_t t = 0; t < kSteps; ++t) {
    const auto row = rows.begin() + (t * kSequences + n) * width;
    own.insert(own.end(), row, row + width);
  }
  return own;
}

class KernelWorkerTest : public ::testing::Test {
 protected:
  const unroll::testing::TempDirectory directory_;
  KernelWorker worker_;
};

TEST_F(KernelWorkerTest, EachKernelWritesWhatTheNaiveOneComputes) {
  std::mt19937 generator(7);
  const Model model = ModelOfOneLayer(generator);
  const auto input = RandomFloats(kSteps * kSequences * kInput, generator);
  const std::string file =
      directory_.Write("case", FileOf(model.weights.layers[0], input));
  const std::pair<std::string, double> systems[] = {{"split", 1e-5},
                                                    {"split_bf16", 2e-2},
                                                    {"split_tokens", 1e-5},
                                                    {"primitive", 1e-5}};
  for (const auto& [system, tolerance] : systems) {
    if (system == "split_bf16" && !CpuHasBfloat16()) continue;
    ASSERT_EQ(worker_.Answer(
                  absl::StrFormat("prepare %s %s %s", system, kSizes, file)),
              "ok");
    // Runs must not go on from each other's state.
    EXPECT_THAT(worker_.Answer(absl::StrFormat("run %s 2", system)),
                StartsWith("ok 0."));
    const std::string output_file = directory_ / (system + ".out");
    ASSERT_EQ(
        worker_.Answer(absl::StrFormat("check %s %s", system, output_file)),
        "ok");
    ASSERT_OK_AND_ASSIGN(const std::string bytes,
                         ReadFile(output_file, 1 << 20));
    std::vector<float> output(kSteps * kSequences * kHidden);
    ASSERT_EQ(bytes.size(), output.size() * sizeof(float));
    std::memcpy(output.data(), bytes.data(), bytes.size());
    for (int64_t n = 0; n < kSequences; ++n) {
      const auto want = unroll::testing::NaiveRnn(
          model,
          unroll::testing::ToMatrix(SequenceOf(input, n, kInput), kInput));
      unroll::testing::ExpectClose(
          SequenceOf(output, n, kHidden), unroll::testing::Flatten(want.hidden),
          absl::StrFormat("%s, sequence %d", system, n), tolerance);
    }
  }
}

TEST_F(KernelWorkerTest, ProbesRun) {
  if (VectorSet() == "none") GTEST_SKIP() << "this CPU has no AVX2";
  for (const std::string system : {"fma", "read"}) {
    ASSERT_EQ(worker_.Answer("prepare " + system + " 1536000"), "ok");
    EXPECT_THAT(worker_.Answer("run " + system + " 3"), StartsWith("ok 0."));
  }
}

TEST_F(KernelWorkerTest, SaysWhatIsWrongWithALine) {
  const std::string small = directory_.Write("small", "four");
  const std::pair<std::string, std::string> lines[] = {
      {"", "expected: version"},
      {"walk split 3", "expected: version"},
      {"run split 1", "\"split\" is not prepared"},
      {"run split many", "\"many\", expected a whole number"},
      {"prepare gru 1 1 1 1 " + small, "expected: prepare KERNEL"},
      {"prepare split 1 0 1 1 " + small, "N is 0, expected 1 to 65536"},
      {"prepare split 1 1 1 1 " + small, "small: 4 bytes, expected 20"},
      {"prepare split 1 1 1 1 " + (directory_ / "none"), "none"},
      {"prepare fma 100", "100 operations, expected a multiple of 1536"},
      {"prepare read 100", "100 bytes, expected a multiple of 1024"},
  };
  for (const auto& [line, message] : lines) {
    EXPECT_THAT(worker_.Answer(line),
                AllOf(StartsWith("error "), HasSubstr(message)))
        << line;
  }
}

}  // namespace
}  // namespace unroll::bench
