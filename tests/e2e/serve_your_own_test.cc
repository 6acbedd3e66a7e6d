// README's "Serve your own model", run as it stands there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/process.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using unroll::testing::Finished;
using unroll::testing::RunProcess;
using unroll::testing::TempDirectory;

constexpr char kPython[] = "/usr/bin/python3";  // the one with Debian's modules

// The Python of a section of README, block after block.
std::string PythonOf(const std::string& section) {
  std::ifstream readme(absl::StrCat(UNROLL_SOURCE_DIR, "/README.md"));
  std::string python;
  bool inside = false, block = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("## ")) inside = line == "## " + section;
    if (line.starts_with("```")) {
      block = inside && line == "```python";
    } else if (block) {
      absl::StrAppend(&python, line, "\n");
    }
  }
  return python;
}

TEST(ServeYourOwnTest, ThreeWaysGiveOneModel) {
  if (RunProcess({.arguments = {kPython, "-c", "import torch"}}).exit_code !=
      0) {
    GTEST_SKIP() << "NOT TESTED: python3-torch is missing";
  }
  TempDirectory directory;
  const std::string script =
      directory.Write("readme.py", PythonOf("Serve your own model"));
  const std::string tools = absl::StrCat(UNROLL_SOURCE_DIR, "/tools");
  const Finished written = RunProcess(
      {.arguments = {"sh", "-c",
                     absl::StrCat("cd ", directory.path(), " && ln -s ", tools,
                                  " tools && exec ", kPython, " ", script)}});
  ASSERT_EQ(written.exit_code, 0) << written.output;

  const Finished inspected =
      RunProcess({.arguments = {UNROLL_CLIENT_BINARY, "inspect", "--json",
                                directory / "models"}});
  ASSERT_EQ(inspected.exit_code, 0) << inspected.output;
  std::istringstream lines(inspected.output);
  std::set<std::string> fingerprints, names;
  for (std::string line; std::getline(lines, line);) {
    const auto model = nlohmann::json::parse(line);
    names.insert(model["name"]);
    fingerprints.insert(model["fingerprint"]);
    // PyTorch's own numbers agree.
    if (model["name"] == "exported") {
      EXPECT_EQ(model["facts"].back()["value"],
                "example.safetensors agrees, 1 x 8 steps");
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"exported", "graph", "weights"}));
  EXPECT_EQ(fingerprints.size(), 1u) << inspected.output;
}

}  // namespace
}  // namespace unroll
