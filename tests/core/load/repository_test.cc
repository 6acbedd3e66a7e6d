#include "core/load/repository.h"

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

struct BadFolder {
  std::vector<std::string> directories, files;
  std::string name;  // as it is listed
  std::string part;  // of the message
};

const BadFolder kBadFolders[] = {
    {{"m/1"}, {"m/model.safetensors"}, "m", "version folder \"1\""},
    {{"m/1", "m/01"}, {}, "m", "\"01\" and \"1\" are both version 1"},
    {{}, {"m/0/model.safetensors"}, "m", "version folder \"0\""},
    {{"m/1"}, {"m/v2/model.safetensors"}, "m", "version folder \"v2\""},
    {{"m/1"}, {"m/1.5/model.safetensors"}, "m", "version folder \"1.5\""},
    {{},
     {"m/9223372036854775808/model.safetensors"},
     "m",
     "9223372036854775808"},
    {{"a b/1"}, {}, "a b", "model folder \"a b\""},
    {{"a\nb/1"}, {}, "a\\nb", "model folder \"a\\nb\""},
    {{"é"}, {}, "é", "model folder \"é\""},
};

TEST(ListRepositoryTest, ABadFolderFailsItsOwnModelOnly) {
  for (const BadFolder& bad : kBadFolders) {
    SCOPED_TRACE(bad.part);
    TempDirectory root;
    for (const auto& name : bad.directories) root.MakeDirectory(name);
    for (const auto& name : bad.files) root.Write(name, "");
    // Alone, it is no model.
    EXPECT_THAT(ListRepository(root.path()),
                IsError(absl::StatusCode::kNotFound, "no models"));
    EXPECT_THAT(ListRepository(root.path()),
                IsError(absl::StatusCode::kNotFound, bad.part));
    root.MakeDirectory("Good/3");
    EXPECT_THAT(List(root), ElementsAre("Good:3", bad.name + ":1"));
    const auto paths = *ListRepository(root.path());
    EXPECT_EQ(paths[0].error, absl::OkStatus());
    EXPECT_THAT(LoadModel(paths[1], {}),
                IsError(absl::StatusCode::kInvalidArgument, bad.part));
  }
}

TEST(ListRepositoryTest, OddNamesStayDifferentAndUtf8) {
  TempDirectory root;
  for (const char* name : {"a\nb", "a\\nb", "\xff", "ok"}) {
    root.MakeDirectory(name);
  }
  EXPECT_THAT(List(root),
              ElementsAre("a\\nb:1", "a\\\\nb:1", "ok:1", "\\xff:1"));
}

TEST(ListRepositoryTest, PassesOverFoldersThatOnlyLookLikeVersions) {
  TempDirectory root;
  for (const char* name : {"a/1", "a/0", "a/1.5", "a/v2", "a/2024-logs"}) {
    root.MakeDirectory(name);
  }
  root.Write("b/model.safetensors", "");
  root.MakeDirectory("b/3d_plots");
  EXPECT_THAT(List(root), ElementsAre("a:1", "b:1"));
  const auto paths = *ListRepository(root.path());
  for (const ModelPath& path : paths) {
    EXPECT_EQ(path.error, absl::OkStatus());
  }
}

TEST(ListRepositoryTest, RefusesWhatIsNoRepository) {
  TempDirectory empty, file, weights;
  EXPECT_THAT(ListRepository(empty.path()),
              IsError(absl::StatusCode::kNotFound, "no models"));
  file.Write("README", "");
  EXPECT_THAT(ListRepository(file.path()),
              IsError(absl::StatusCode::kNotFound, "no models"));
  weights.Write("model.safetensors", "");
  EXPECT_THAT(ListRepository(weights.path()),
              IsError(absl::StatusCode::kInvalidArgument, "give its parent"));
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
