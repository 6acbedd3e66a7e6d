#include "core/format/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"
#include "tests/support/zip_writer.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using testing::IsError;
using testing::IsOk;
using ::testing::Key;
using testing::TempDirectory;
using testing::ZipBytes;
using testing::ZipEntry;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ZipArchiveTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<ZipArchive>> Open(const std::string& bytes) {
    auto file = File::Open(directory_.Write("f", bytes));
    if (!file.ok()) return file.status();
    return ZipArchive::Open(*std::move(file), "f");
  }

  TempDirectory directory_;
};

std::string Number(uint64_t number, size_t bytes) {
  return {reinterpret_cast<const char*>(&number), bytes};
}

// `bytes` with others at a place.
std::string With(std::string bytes, size_t at, const std::string& others) {
  return bytes.replace(at, others.size(), others);
}

// An archive whose directory's end has this at one of its bytes.
std::string WithEnd(size_t at, const std::string& others) {
  const std::string bytes = ZipBytes({{"a", "abc"}});
  return With(bytes, bytes.size() - 22 + at, others);
}

// The end of a zip64 archive: a record with this size of the directory, where
// it is said to be, and the plain end.
std::string Zip64(uint64_t directory_bytes, uint64_t at) {
  const std::string plain = ZipBytes({});
  return absl::StrCat("PK\6\6", Number(44, 8), std::string(28, '\0'),
                      Number(directory_bytes, 8), Number(0, 8), "PK\6\7",
                      Number(0, 4), Number(at, 8), Number(1, 4), plain);
}

TEST_F(ZipArchiveTest, ReadsEntriesWholeAndInPieces) {
  const std::string large(200'000, 'x');
  ASSERT_OK_AND_ASSIGN(
      const auto archive,
      Open(ZipBytes({{"b/two", "0123456789"}, {"a", ""}, {"c", large}})));
  EXPECT_THAT(archive->entries(),
              ElementsAre(Key("a"), Key("b/two"), Key("c")));
  ASSERT_OK_AND_ASSIGN(const std::string two, archive->ReadAll("b/two", 10));
  EXPECT_EQ(two, "0123456789");
  ASSERT_OK_AND_ASSIGN(const std::string none, archive->ReadAll("a", 0));
  EXPECT_EQ(none, "");
  ASSERT_OK_AND_ASSIGN(const std::string all, archive->ReadAll("c", 200'000));
  EXPECT_EQ(all, large);
  EXPECT_THAT(archive->CheckBytes("c"), IsOk());
  std::string piece(3, ' ');
  const ZipArchive::Entry& entry = archive->entries().find("b/two")->second;
  EXPECT_THAT(archive->ReadAt(entry, 7, piece), IsOk());
  EXPECT_EQ(piece, "789");
  EXPECT_THAT(archive->ReadAt(entry, 0, piece), IsOk());
  EXPECT_EQ(piece, "012");
}

TEST_F(ZipArchiveTest, RefusesToReadWhatItShouldNot) {
  ASSERT_OK_AND_ASSIGN(const auto archive,
                       Open(ZipBytes({{"packed", "abc", 0, 8},
                                      {"secret", "abc", 1},
                                      {"short", "abc", 0, 0, {}, 2},
                                      {"changed", "abc", 0, 0, 123},
                                      {"large", "0123456789"}})));
  EXPECT_THAT(archive->ReadAll("packed", 10),
              IsError(kInvalid, "f: entry \"packed\": compressed"));
  EXPECT_THAT(
      archive->CheckBytes("secret"),
      IsError(kInvalid, "f: entry \"secret\": compressed or encrypted"));
  EXPECT_THAT(archive->CheckBytes("short"), IsError(kInvalid, "compressed"));
  EXPECT_THAT(archive->CheckBytes("changed"),
              IsError(kInvalid, "f: entry \"changed\": CRC error"));
  EXPECT_THAT(archive->ReadAll("changed", 10), IsError(kInvalid, "CRC error"));
  EXPECT_THAT(archive->ReadAll("large", 9),
              IsError(kInvalid, "\"large\": 10 bytes, expected at most 9"));
  EXPECT_THAT(archive->ReadAll("none", 9),
              IsError(kInvalid, "f: entry \"none\" is missing"));
}

TEST_F(ZipArchiveTest, SaysThatTheFileWasCutShortMeanwhile) {
  ASSERT_OK_AND_ASSIGN(const auto archive,
                       Open(ZipBytes({{"a", std::string(1000, 'a')}})));
  std::filesystem::resize_file(directory_ / "f", 500);
  EXPECT_THAT(archive->CheckBytes("a"),
              IsError(absl::StatusCode::kAborted, "changed while it was read"));
  EXPECT_THAT(archive->CheckUnchanged(),
              IsError(absl::StatusCode::kAborted, "changed"));
}

struct Broken {
  std::string what;
  std::string bytes;
  std::string part;  // of the message
};

const Broken kBroken[] = {
    {"empty", "", "f: 0 bytes, expected a zip archive, of at least 22"},
    {"text", std::string(100, 'x'), "f: not a zip archive"},
    {"only the start", ZipBytes({{"a", "abc"}}).substr(0, 60), "not a zip"},
    {"bytes behind", ZipBytes({{"a", "abc"}}) + "x", "bytes behind its end"},
    {"a comment", WithEnd(20, Number(1, 2)) + "x", "bytes behind its end"},
    {"two ends", ZipBytes({}) + ZipBytes({}), "bytes behind its end"},
    {"a comment that is not there", WithEnd(20, Number(1, 2)), "inconsistent"},
    {"fewer entries than it says", WithEnd(8, Number(0x00020002, 4)),
     "inconsistent"},
    {"65535 entries", WithEnd(8, Number(0xFFFFFFFF, 4)), "f: "},
    {"a second disk", WithEnd(4, Number(1, 2)), "f: "},
    {"a directory of 2^32 - 1 bytes", WithEnd(12, Number(0xFFFFFFFF, 4)),
     "zip directory of 4294967295 bytes, expected at most 4194304"},
    {"a directory past its end", WithEnd(12, Number(1000, 4)), "inconsistent"},
    {"a directory elsewhere", WithEnd(16, Number(0, 4)), "Not a zip"},
    {"a zip64 end at 2^64 - 1", Zip64(0, ~uint64_t{0}),
     "zip64: end of the directory at byte 18446744073709551615 of 98"},
    {"a zip64 end that is cut", Zip64(0, 43), "at byte 43 of 98"},
    {"a zip64 directory of 2^63 bytes", Zip64(uint64_t{1} << 63, 0),
     "zip directory of 9223372036854775808 bytes"},
    {"a zip64 end that is none", Zip64(0, 1), "f: "},
    {"a name up", ZipBytes({{"../a", "abc"}}), "entry \"../a\": expected"},
    {"a name up inside", ZipBytes({{"a/../../b", "abc"}}), "entry \"a/../.."},
    {"a name up at the end", ZipBytes({{"a/..", "abc"}}), "entry \"a/..\""},
    {"an absolute name", ZipBytes({{"/etc/a", "abc"}}), "entry \"/etc/a\""},
    {"a backslash", ZipBytes({{"a\\b", "abc"}}), "entry \"a\\b\": expected"},
    {"no name", ZipBytes({{"", "abc"}}), "entry \"\": expected"},
    {"bad UTF-8", ZipBytes({{"a\xFF", "abc"}}), "entry \"a\\xff\": expected"},
    {"a name twice", ZipBytes({{"a", "abc"}, {"b", ""}, {"a", "abc"}}),
     "two entries have the same name"},
    {"a bomb", ZipBytes({{"a", "abc", 0, 8, {}, 0xFFFFFFF0}}),
     "entry \"a\": 4294967280 bytes, but all entries up to it leave 103 of the "
     "file's 103"},
    {"another name before the bytes",
     ZipBytes({{"a", "abc", 0, 0, {}, {}, "b"}}), "inconsistent"},
    {"no local header", With(ZipBytes({{"a", "abc"}}), 0, "XXXX"), "f: "},
};

TEST_F(ZipArchiveTest, EachIsRefusedWithItsReason) {
  for (const Broken& broken : kBroken) {
    EXPECT_THAT(Open(broken.bytes), IsError(kInvalid, broken.part))
        << broken.what;
  }
}

// An entry inside the bytes of another, each with a header of its own: together
// they are larger than the file.
TEST_F(ZipArchiveTest, RefusesOverlappingEntries) {
  const ZipEntry inner = {"b", std::string(1000, 'x')};
  const size_t header = 31, size = header + 1000;
  const std::string local = ZipBytes({inner}).substr(0, size);
  std::string bytes = ZipBytes({{"a", local}, inner});
  bytes.erase(header + size, size);
  const size_t directory = header + size;
  bytes = With(bytes, directory + 47 + 42, Number(header, 4));
  bytes = With(bytes, bytes.size() - 6, Number(directory, 4));
  EXPECT_THAT(Open(bytes),
              IsError(kInvalid, "entry \"b\": 1000 bytes, but all entries up"));
}

TEST_F(ZipArchiveTest, EveryPrefixIsRefused) {
  const std::string good = ZipBytes({{"a/b", "abc"}, {"c", "0123456789"}});
  ASSERT_THAT(Open(good), IsOk());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Open(good.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace unroll
