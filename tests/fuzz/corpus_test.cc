// The fuzzers' corpus as plain tests: seeds, and what once broke something.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz_targets.h"

namespace unroll::fuzz {
namespace {

void RunCorpus(const std::string& name, void (*target)(std::string_view)) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           UNROLL_SOURCE_DIR "/tests/fuzz/corpus/" + name)) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    target(bytes);
    ++files;
  }
  EXPECT_GE(files, 10) << name;
}

TEST(CorpusTest, Safetensors) { RunCorpus("safetensors", FuzzSafetensors); }
TEST(CorpusTest, Pytorch) { RunCorpus("pytorch", FuzzPytorch); }
TEST(CorpusTest, Pickle) { RunCorpus("pickle", FuzzPickle); }
TEST(CorpusTest, Onnx) { RunCorpus("onnx", FuzzOnnx); }
TEST(CorpusTest, Config) { RunCorpus("config", FuzzConfig); }
TEST(CorpusTest, StateToken) { RunCorpus("state_token", FuzzStateToken); }

}  // namespace
}  // namespace unroll::fuzz
