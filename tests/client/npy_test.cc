#include "client/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace unroll::client {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Files that numpy 1.24 wrote.
std::string DataPath(const std::string& name) {
  return std::string(UNROLL_TEST_DATA "/npy/") + name;
}

std::string Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// A version 1.0 file with this header and so many bytes of data.
std::string File(const std::string& header, size_t data_bytes) {
  std::string file("\x93NUMPY\1\0", 8);
  file += {static_cast<char>(header.size() & 0xff),
           static_cast<char>(header.size() >> 8)};
  return file + header + std::string(data_bytes, '\0');
}

std::vector<float> Floats(const NpyArray& array) {
  return std::get<std::vector<float>>(array.values);
}

std::vector<int64_t> Integers(const NpyArray& array) {
  return std::get<std::vector<int64_t>>(array.values);
}

TEST(NpyTest, ReadsWhatNumpyWrote) {
  for (const char* name :
       {"float32_2x3.npy", "float32_2x3_version2.npy", "float64_2x3.npy"}) {
    const auto array = ReadNpy(DataPath(name));
    ASSERT_TRUE(array.ok()) << array.status();
    EXPECT_THAT(array->shape, ElementsAre(2, 3)) << name;
    EXPECT_THAT(Floats(*array),
                ElementsAre(0.1f, -2.5f, 3e-40f, 1e30f, -0.0f, 16777216.f))
        << name;
    EXPECT_TRUE(std::signbit(Floats(*array)[4])) << name;
  }
}

TEST(NpyTest, ReadsIntegersOfBothWidths) {
  const auto wide = ReadNpy(DataPath("int64_4.npy"));
  ASSERT_TRUE(wide.ok()) << wide.status();
  EXPECT_THAT(wide->shape, ElementsAre(4));
  EXPECT_THAT(Integers(*wide), ElementsAre(3, -1, int64_t{1} << 40, 0));
  const auto narrow = ReadNpy(DataPath("int32_4.npy"));
  ASSERT_TRUE(narrow.ok()) << narrow.status();
  EXPECT_THAT(Integers(*narrow), ElementsAre(3, -1, 1 << 30, 0));
}

TEST(NpyTest, ReadsEmptyArraysAndScalars) {
  const auto empty = ReadNpy(DataPath("float32_0x3.npy"));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_THAT(empty->shape, ElementsAre(0, 3));
  EXPECT_THAT(Floats(*empty), IsEmpty());
  const auto scalar = ReadNpy(DataPath("float32_scalar.npy"));
  ASSERT_TRUE(scalar.ok()) << scalar.status();
  EXPECT_THAT(scalar->shape, IsEmpty());
  EXPECT_THAT(Floats(*scalar), ElementsAre(1.5f));
}

TEST(NpyTest, WritesTheBytesThatNumpyWrites) {
  for (const char* name : {"float32_2x3.npy", "int64_4.npy", "float32_0x3.npy",
                           "float32_scalar.npy"}) {
    const auto array = ReadNpy(DataPath(name));
    ASSERT_TRUE(array.ok()) << array.status();
    EXPECT_EQ(SerializeNpy(*array), Bytes(DataPath(name))) << name;
  }
}

TEST(NpyTest, AWrittenFileReadsBack) {
  const std::string path = testing::TempDir() + "/round_trip.npy";
  ASSERT_TRUE(WriteNpy(path, {{1, 2}, std::vector<float>{1.5f, -3}}).ok());
  const auto array = ReadNpy(path);
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(array->shape, ElementsAre(1, 2));
  EXPECT_THAT(Floats(*array), ElementsAre(1.5f, -3));
  EXPECT_EQ(WriteNpy(testing::TempDir(), *array).code(),
            absl::StatusCode::kUnknown);
}

TEST(NpyTest, TheHeaderMayComeInAnyOrderAndSpacing) {
  const auto array = ParseNpy(
      File("{\"shape\":( 1,2 , ),'fortran_order' : False,\"descr\": '<f4'}", 8),
      "x.npy");
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(array->shape, ElementsAre(1, 2));
}

TEST(NpyTest, BrokenFilesAreRefusedWithTheReason) {
  const std::string good = Bytes(DataPath("float32_2x3.npy"));
  const std::string f4 = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
  const struct {
    const char* what;
    std::string bytes;
    const char* message;
  } kCases[] = {
      {"empty file", "", "not a .npy file"},
      {"another format", "PK\3\4 zip archive", "not a .npy file"},
      {"ends in the magic", "\x93NUMP", "not a .npy file"},
      {"ends before the version", "\x93NUMPY\1", "ends after 7 bytes"},
      {"unknown version", std::string("\x93NUMPY\3\0\0\0\0\0", 12),
       "format version 3.0, expected 1.0 or 2.0"},
      {"ends in the header's length", good.substr(0, 9), "ends after 9 bytes"},
      {"ends in the header", good.substr(0, 60), "ends after 60 bytes"},
      {"header longer than the file",
       std::string("\x93NUMPY\2\0\xff\xff\xff\xff{", 13), "in the header"},
      {"no dictionary", File("[]", 0), "found \"[]\", expected '{'"},
      {"no end of the dictionary", File(f4 + "(2,)", 8), "expected '}'"},
      {"text after the dictionary", File(f4 + "(2,)} 1", 8),
       "expected the end"},
      {"string without end", File("{'descr", 0), "expected a string"},
      {"missing key", File("{'descr': '<f4', 'shape': (2,)}", 8),
       "expected the keys"},
      {"repeated key", File(f4 + "(2,), 'shape': (2,)}", 8),
       "repeated key \"shape\""},
      {"unknown key", File("{'colour': 1}", 8), "unknown or repeated key"},
      {"fortran_order is no bool",
       File("{'fortran_order': 1, 'descr': '<f4', 'shape': (2,)}", 8),
       "expected True or False"},
      {"negative size", File(f4 + "(-2,)}", 8), "expected a size, 0 or more"},
      {"size past 64 bits", File(f4 + "(99999999999999999999,)}", 8),
       "expected a size, 0 or more"},
      {"product past 64 bits",
       File(f4 + "(4611686018427387904, 4611686018427387904)}", 8),
       "expected fewer than 2^63 elements"},
      {"product past memory", File(f4 + "(4611686018427387904,)}", 8),
       "8 bytes of data, expected 4611686018427387904 * 4"},
      {"too many dimensions",
       File(f4 + "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                 "1,1,1,1)}",
            4),
       "more than 32 dimensions"},
      {"data missing", good.substr(0, good.size() - 4),
       "20 bytes of data, expected 6 * 4 for shape [2,3] of <f4"},
      {"data left over", good + "x", "25 bytes of data, expected 6 * 4"},
      {"Fortran order", Bytes(DataPath("fortran_2x3.npy")),
       "save numpy.ascontiguousarray(array)"},
      {"big-endian", Bytes(DataPath("big_endian_2.npy")),
       "dtype \">f4\", expected <f4"},
      {"structured dtype", Bytes(DataPath("structured.npy")),
       "expected a string"},
      {"objects",
       File("{'descr': '|O', 'fortran_order': False, 'shape': ()}", 9),
       "dtype \"|O\""},
  };
  for (const auto& test : kCases) {
    const absl::Status status = ParseNpy(test.bytes, "x.npy").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << test.what;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("x.npy: "), HasSubstr(test.message)))
        << test.what;
  }
}

TEST(NpyTest, ADoublePastFloat32IsRefused) {
  std::string file =
      File("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 24);
  const auto set_last = [&](double value) {
    std::memcpy(file.data() + file.size() - sizeof(value), &value,
                sizeof(value));
  };
  set_last(1e300);
  EXPECT_THAT(std::string(ParseNpy(file, "x.npy").status().message()),
              HasSubstr("x.npy: element 2 in C order is 1e+300, past float32's "
                        "range"));
  set_last(-std::numeric_limits<double>::infinity());
  const auto infinite = ParseNpy(file, "x.npy");
  ASSERT_TRUE(infinite.ok()) << infinite.status();
  EXPECT_TRUE(std::isinf(Floats(*infinite)[2]));
}

// A file of a terabyte, which no memory is taken for.
TEST(NpyTest, AHugeFileIsRefusedByItsHeader) {
  const std::string path = testing::TempDir() + "/huge.npy";
  const auto refused = [&](const std::string& begin) {
    std::ofstream(path, std::ios::binary) << begin;
    std::filesystem::resize_file(path, uint64_t{1} << 40);
    const absl::Status status = ReadNpy(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(refused(""), HasSubstr("not a .npy file"));
  EXPECT_THAT(refused(Bytes(DataPath("float32_2x3.npy"))),
              HasSubstr("bytes of data, expected 6 * 4"));
  EXPECT_THAT(
      refused(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{", 13)),
      HasSubstr("header of 4294967295 bytes, expected at most 1048576"));
  std::filesystem::remove(path);
}

TEST(NpyTest, EveryPrefixOfAFileIsRefused) {
  const std::string good = Bytes(DataPath("int64_4.npy"));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ParseNpy(good.substr(0, size), "x.npy").ok()) << size;
  }
}

TEST(NpyTest, WhatIsNoRegularFileIsRefused) {
  EXPECT_EQ(ReadNpy(DataPath("missing.npy")).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadNpy("/dev/zero").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadNpy(testing::TempDir()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace unroll::client
