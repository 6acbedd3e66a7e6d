// Folders are layers: reads every #include line and fails on an edge that the
// table does not have.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace unroll {
namespace {

namespace fs = std::filesystem;

// The folders a folder may include from, besides itself.
const std::map<std::string, std::set<std::string>> kLayers = {
    {"core/base", {}},
    {"core/model", {"core/base"}},
    {"core/format", {"core/base", "core/model"}},
    {"core/load", {"core/base", "core/model", "core/format"}},
    {"core/simd", {}},
    {"core/rnn", {"core/base", "core/model", "core/simd"}},
    {"core/serve", {"core/base", "core/model", "core/load", "core/rnn"}},
    {"server",
     {"core/base", "core/model", "core/load", "core/rnn", "core/serve",
      "proto"}},
    {"client", {"proto", "client/inspect"}},
    {"client/inspect", {"core/base", "core/format", "core/load", "core/serve"}},
};

// Headers of libraries that a layer keeps to itself: where else they show up is
// an error. The value is a regular expression over paths.
const std::map<std::string, std::string> kLibraries = {
    {"dnnl.hpp", "core/rnn/onednn\\.h"},
    {"core/rnn/onednn.h", "core/rnn/.*\\.cc"},
    {"immintrin.h", "core/simd/(block_.*|bfloat16_weights)\\.h"},
    {"dnnl_version.h", "server/metrics\\.cc"},
    {"grpc", "(server|client)/.*"},
    {"google/protobuf", "(server|client)/.*"},
    {"unroll/v1", "(server|client)/.*"},
    {"inference", "server/infer_.*"},
    {"prometheus", "server/.*"},
    {"spdlog", "server/.*"},
    {"CLI", "(server|client)/.*"},
    {"zip.h", "core/format/zip_archive\\.cc"},
    {"onnx", "core/format/onnx_[a-z_]*\\.(cc|h)"},
    {"openssl", "core/(model/fingerprint|serve/state_keys)\\.cc"},
};

std::string LayerOf(const std::string& path) {
  // Folders inside others come later in the map.
  for (auto entry = kLayers.rbegin(); entry != kLayers.rend(); ++entry) {
    if (path.starts_with(entry->first + "/")) return entry->first;
  }
  // Generated code stands for proto/.
  for (const char* generated : {"unroll/v1/", "grpc/health/", "inference/"}) {
    if (path.starts_with(generated)) return "proto";
  }
  return "";
}

std::vector<std::string> Includes(const fs::path& file) {
  static const std::regex include(R"(^#include [<"]([^>"]+)[>"].*)");
  std::vector<std::string> includes;
  std::ifstream stream(file);
  std::smatch match;
  for (std::string line; std::getline(stream, line);) {
    if (std::regex_match(line, match, include)) includes.push_back(match[1]);
  }
  return includes;
}

// Every source file below the layers' folders, relative to the root.
std::vector<std::string> Sources() {
  std::vector<std::string> sources;
  for (const char* folder : {"core", "server", "client"}) {
    for (const auto& entry : fs::recursive_directory_iterator(
             fs::path(UNROLL_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".cc" && extension != ".h") continue;
      sources.push_back(fs::relative(entry.path(), UNROLL_SOURCE_DIR).string());
    }
  }
  return sources;
}

TEST(LayeringTest, EverySourceFileBelongsToALayer) {
  EXPECT_GT(Sources().size(), 40u);
  for (const std::string& source : Sources()) {
    EXPECT_NE(LayerOf(source), "") << source;
  }
}

TEST(LayeringTest, NothingPointsUp) {
  for (const std::string& source : Sources()) {
    const std::string layer = LayerOf(source);
    for (const std::string& include :
         Includes(fs::path(UNROLL_SOURCE_DIR) / source)) {
      const std::string used = LayerOf(include);
      if (used.empty() || used == layer) continue;
      EXPECT_TRUE(kLayers.at(layer).contains(used))
          << source << " includes " << include;
    }
  }
}

TEST(LayeringTest, LibrariesStayInTheirLayer) {
  for (const std::string& source : Sources()) {
    for (const std::string& include :
         Includes(fs::path(UNROLL_SOURCE_DIR) / source)) {
      for (const auto& [library, users] : kLibraries) {
        if (include != library && !include.starts_with(library + "/") &&
            !include.starts_with(library + "pp/")) {
          continue;
        }
        EXPECT_TRUE(std::regex_match(source, std::regex(users)))
            << source << " includes " << include;
      }
    }
  }
}

TEST(LayeringTest, TheCoreNeitherLogsNorReadsTheEnvironmentNorExits) {
  const std::regex banned(
      R"(\b(std::)?(getenv|exit|abort|printf|fprintf|puts)\(|std::(cout|cerr)\b)");
  for (const std::string& source : Sources()) {
    if (!source.starts_with("core/")) continue;
    std::ifstream stream(fs::path(UNROLL_SOURCE_DIR) / source);
    for (std::string line; std::getline(stream, line);) {
      EXPECT_FALSE(std::regex_search(line, banned)) << source << ": " << line;
    }
  }
}

}  // namespace
}  // namespace unroll
