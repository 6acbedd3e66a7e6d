#include "core/model/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_format.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using testing::IsError;
using testing::TempDirectory;

// "name:version", in the order given.
std::vector<std::string> List(const TempDirectory& root) {
  const auto paths = ListRepository(root.path());
  if (!paths.ok()) return {paths.status().ToString()};
  std::vector<std::string> names;
  for (const ModelPath& path : *paths) {
    names.push_back(absl::StrFormat("%s:%d", path.name, path.version));
  }
  return names;
}

TEST(ListRepositoryTest, SortsByNameThenHighestVersionFirst) {
  TempDirectory root;
  for (const char* file : {"b/2/model.safetensors", "b/10/model.safetensors",
                           "b/1/model.safetensors", "a/model.safetensors"}) {
    root.Write(file, "");
  }
  EXPECT_THAT(List(root), ElementsAre("a:1", "b:10", "b:2", "b:1"));
  const auto paths = *ListRepository(root.path());
  EXPECT_EQ(paths[0].directory, root / "a");
  EXPECT_EQ(paths[0].model_directory, root / "a");
  EXPECT_EQ(paths[1].directory, root / "b/10");
  EXPECT_EQ(paths[1].model_directory, root / "b");
}

TEST(ListRepositoryTest, PassesOverWhatIsNoModelOrVersion) {
  TempDirectory root;
  root.Write("m/3/model.safetensors", "");
  root.Write("m/assets/x", "");
  root.Write("m/.git/model.safetensors", "");
  root.Write("m/7", "a file");
  root.Write("README.md", "");
  root.Write("..data/1/model.safetensors", "");
  root.MakeDirectory("lost+found");
  std::filesystem::create_symlink("nowhere", root / "broken");
  EXPECT_THAT(List(root), ElementsAre("m:3"));
}

TEST(ListRepositoryTest, FollowsLinks) {
  TempDirectory root;
  root.Write(".data/real/1/model.safetensors", "");
  std::filesystem::create_directory_symlink(".data/real", root / "m");
  EXPECT_THAT(List(root), ElementsAre("m:1"));
}

TEST(ListRepositoryTest, ListsAModelWithoutVersionsAsVersion1) {
  TempDirectory root;
  root.MakeDirectory("empty");
  root.MakeDirectory("half/2");
  EXPECT_THAT(List(root), ElementsAre("empty:1", "half:2"));
}

TEST(ListRepositoryTest, TakesLeadingZeros) {
  TempDirectory root;
  root.MakeDirectory("m/007");
  EXPECT_THAT(List(root), ElementsAre("m:7"));
}

TEST(ListRepositoryTest, RefusesWhatCouldBeServedWrongly) {
  struct Case {
    std::vector<std::string> directories, files;
    absl::StatusCode code;
    std::string part;
  };
  const auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Case cases[] = {
      {{}, {}, absl::StatusCode::kNotFound, "no models"},
      {{}, {"README"}, absl::StatusCode::kNotFound, "no models"},
      {{}, {"model.safetensors"}, kInvalid, "give its parent"},
      {{"m/1"}, {"m/model.safetensors"}, kInvalid, "version folder \"1\""},
      {{"m/1", "m/01"}, {}, kInvalid, "\"01\" and \"1\" are both version 1"},
      {{"m/0"}, {}, kInvalid, "version folder \"0\""},
      {{"m/v2"}, {}, kInvalid, "version folder \"v2\""},
      {{"m/1.5"}, {}, kInvalid, "version folder \"1.5\""},
      {{"m/9223372036854775808"}, {}, kInvalid, "9223372036854775808"},
      {{"a b/1"}, {}, kInvalid, "model folder \"a b\""},
      {{"a\nb/1"}, {}, kInvalid, "model folder \"a\\nb\""},
      {{"é"}, {}, kInvalid, "model folder \"é\""},
  };
  for (const Case& c : cases) {
    TempDirectory root;
    for (const auto& name : c.directories) root.MakeDirectory(name);
    for (const auto& name : c.files) root.Write(name, "");
    EXPECT_THAT(ListRepository(root.path()), IsError(c.code, c.part));
  }
}

TEST(ListRepositoryTest, SaysThatThereIsNoSuchDirectory) {
  TempDirectory root;
  EXPECT_THAT(ListRepository(root / "gone"),
              IsError(absl::StatusCode::kNotFound, root / "gone"));
  EXPECT_THAT(ListRepository(root.Write("file", "")),
              IsError(absl::StatusCode::kNotFound, "not a directory"));
}

}  // namespace
}  // namespace unroll
