#include "core/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using testing::IsError;
using testing::IsOk;
using testing::TempDirectory;

constexpr int64_t kNoLimit = int64_t{1} << 40;

TEST(ReadFileTest, GivesEveryByte) {
  TempDirectory directory;
  const std::string bytes("a\0b\xFF\r\n", 6);
  ASSERT_OK_AND_ASSIGN(const std::string read,
                       ReadFile(directory.Write("f", bytes),
                                static_cast<int64_t>(bytes.size())));
  EXPECT_EQ(read, bytes);
  ASSERT_OK_AND_ASSIGN(const std::string none,
                       ReadFile(directory.Write("empty", ""), 0));
  EXPECT_EQ(none, "");
}

TEST(ReadFileTest, RefusesWhatIsNotARegularFileByPath) {
  TempDirectory directory;
  EXPECT_THAT(ReadFile(directory / "gone", kNoLimit),
              IsError(absl::StatusCode::kNotFound, directory / "gone"));
  EXPECT_THAT(
      ReadFile(directory.path(), kNoLimit),
      IsError(absl::StatusCode::kInvalidArgument, "not a regular file"));
  // A pipe without a writer must not block.
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(
      ReadFile(directory / "pipe", kNoLimit),
      IsError(absl::StatusCode::kInvalidArgument, "not a regular file"));
}

TEST(ReadFileTest, RefusesALargeFileBeforeTakingMemory) {
  TempDirectory directory;
  const std::string path = directory.Write("sparse", "");
  std::filesystem::resize_file(path, uintmax_t{1} << 42);
  EXPECT_THAT(ReadFile(path, kNoLimit),
              IsError(absl::StatusCode::kResourceExhausted,
                      "4398046511104 bytes, expected at most 1099511627776"));
}

TEST(FileTest, SaysThatAFileShrank) {
  TempDirectory directory;
  const std::string path = directory.Write("f", "0123456789");
  ASSERT_OK_AND_ASSIGN(const File file, File::Open(path));
  std::filesystem::resize_file(path, 4);
  std::string bytes(10, ' ');
  EXPECT_THAT(file.ReadAt(0, std::span<char>(bytes)),
              IsError(absl::StatusCode::kAborted, "ends at byte 4"));
  EXPECT_THAT(file.CheckUnchanged(),
              IsError(absl::StatusCode::kAborted, "changed"));
}

TEST(FileTest, SaysThatAFileGrew) {
  TempDirectory directory;
  const std::string path = directory.Write("f", "0123456789");
  ASSERT_OK_AND_ASSIGN(const File file, File::Open(path));
  EXPECT_THAT(file.CheckUnchanged(), IsOk());
  std::filesystem::resize_file(path, 11);
  EXPECT_THAT(file.CheckUnchanged(), IsError(absl::StatusCode::kAborted, path));
}

TEST(FileTest, ReadsFromTheMiddle) {
  TempDirectory directory;
  ASSERT_OK_AND_ASSIGN(File opened,
                       File::Open(directory.Write("f", "0123456789")));
  const File file = std::move(opened);
  EXPECT_EQ(file.size(), 10);
  std::string bytes(3, ' ');
  ASSERT_THAT(file.ReadAt(6, std::span<char>(bytes)), IsOk());
  EXPECT_EQ(bytes, "678");
}

}  // namespace
}  // namespace unroll
