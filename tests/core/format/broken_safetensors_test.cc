#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/format/safetensors.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using testing::IsError;
using testing::SafetensorsBytes;
using testing::TempDirectory;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

struct Broken {
  std::string what;
  std::string bytes;
  std::string part;  // of the message
};

// A file of one tensor "a" with this description, and eight bytes of data.
std::string OneTensor(const std::string& description) {
  return SafetensorsBytes(absl::StrCat("{\"a\":", description, "}"),
                          "12345678");
}

// A file of F32 tensors "a" and "b" [1] at these offsets, and `data` bytes.
std::string TwoTensors(const std::string& a, const std::string& b,
                       size_t data) {
  const std::string rest = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":";
  return SafetensorsBytes(
      absl::StrCat("{\"a\":", rest, a, "},\"b\":", rest, b, "}}"),
      std::string(data, 'x'));
}

std::string Size(uint64_t size) {
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size));
}

const Broken kBroken[] = {
    {"empty file", "", "0 bytes, expected at least 8"},
    {"cut in the size", "1234567", "7 bytes, expected at least 8"},
    {"nothing after the size", Size(2), "header of 2 bytes, but 0 bytes"},
    {"header past the end", Size(100) + "{}", "header of 100 bytes, but 2"},
    {"header of 2^64 - 1", Size(~uint64_t{0}) + "{}",
     "header of 18446744073709551615 bytes, but 2"},
    {"header of 2^63", Size(uint64_t{1} << 63) + "{}",
     "header of 9223372036854775808 bytes, but 2"},
    {"no header", SafetensorsBytes("", "12345678"), "does not begin with '{'"},
    {"not JSON", SafetensorsBytes("hello", ""), "does not begin with '{'"},
    {"white space first", SafetensorsBytes(" {}", ""), "begin with '{'"},
    {"an array", SafetensorsBytes("[]", ""), "does not begin with '{'"},
    {"open JSON", SafetensorsBytes("{\"a\":", ""), "f: header: line 1, byte 5"},
    {"text behind JSON", SafetensorsBytes("{} x", ""), "byte 4"},
    {"zero bytes behind JSON", SafetensorsBytes(std::string("{}\0\0", 4), ""),
     "byte 2: a zero byte"},
    {"deep JSON",
     SafetensorsBytes(absl::StrCat("{\"a\":", std::string(100'000, '[')), ""),
     "nested deeper than 32"},
    {"bad UTF-8", SafetensorsBytes("{\"\xC0\x80\":{}}", ""), "UTF-8"},
    {"a name twice", SafetensorsBytes("{\"a\":{},\"a\":{}}", ""),
     "key \"a\" appears twice"},
    {"a key twice",
     OneTensor(
         R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"),
     "key \"dtype\" appears twice"},
    {"tensor is no object", OneTensor("3"),
     "f: tensor \"a\": is a whole number, expected an object"},
    {"no dtype", OneTensor(R"({"shape":[2],"data_offsets":[0,8]})"),
     "tensor \"a\": dtype is missing"},
    {"no shape", OneTensor(R"({"dtype":"F32","data_offsets":[0,8]})"),
     "tensor \"a\": shape is missing"},
    {"no offsets", OneTensor(R"({"dtype":"F32","shape":[2]})"),
     "tensor \"a\": data_offsets is missing"},
    {"unknown key",
     OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})"),
     "unknown key \"x\""},
    {"unknown dtype",
     OneTensor(R"({"dtype":"F33","shape":[2],"data_offsets":[0,8]})"),
     "unknown dtype \"F33\""},
    {"dtype is a number",
     OneTensor(R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})"),
     "dtype is a whole number, expected a string"},
    {"shape is a number",
     OneTensor(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"),
     "shape is a whole number, expected an array"},
    {"shape entry is negative",
     OneTensor(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
     "shape entry 0 is not a whole number from 0"},
    {"shape entry is a fraction",
     OneTensor(R"({"dtype":"F32","shape":[1,2.0],"data_offsets":[0,8]})"),
     "shape entry 1 is not a whole number"},
    {"shape entry is a string",
     OneTensor(R"({"dtype":"F32","shape":["2"],"data_offsets":[0,8]})"),
     "shape entry 0 is not a whole number"},
    {"shape entry past int64",
     OneTensor(
         R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]})"),
     "shape entry 0 is not a whole number"},
    {"shape product overflows",
     OneTensor(
         R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
     "shape [4294967296,4294967296] is too large"},
    {"shape product wraps to the right size",
     OneTensor(
         R"({"dtype":"F32","shape":[6148914691236517206,3],"data_offsets":[0,8]})"),
     "is too large"},
    {"shape in bits overflows",
     OneTensor(
         R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]})"),
     "is too large"},
    {"overflow behind a zero",
     OneTensor(
         R"({"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]})"),
     "is too large"},
    {"nine dimensions",
     OneTensor(
         R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"),
     "shape has 9 entries, expected at most 8"},
    {"offsets are an object",
     OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":{}})"),
     "data_offsets is an object, expected an array"},
    {"one offset",
     OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[8]})"),
     "data_offsets has 1 entries, expected 2"},
    {"three offsets",
     OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})"),
     "data_offsets has 3 entries"},
    {"negative offset",
     OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[-1,7]})"),
     "data_offsets entry 0"},
    {"offsets swapped",
     OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
     "data_offsets [8,0], expected a range in the file's 8 bytes"},
    {"offset past the end",
     OneTensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})"),
     "data_offsets [0,12], expected a range in the file's 8 bytes"},
    {"offset near 2^63",
     OneTensor(
         R"({"dtype":"F32","shape":[2],"data_offsets":[9223372036854775799,9223372036854775807]})"),
     "expected a range in the file's 8 bytes"},
    {"shape larger than range",
     OneTensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
     "data_offsets [0,8] are 8 bytes, expected 12 for F32 [3]"},
    {"dtype smaller than range",
     OneTensor(R"({"dtype":"F16","shape":[2],"data_offsets":[0,8]})"),
     "are 8 bytes, expected 4 for F16 [2]"},
    {"half a byte",
     OneTensor(R"({"dtype":"F4","shape":[15],"data_offsets":[0,8]})"),
     "expected 8 for F4 [15]"},
    {"data behind the tensors",
     OneTensor(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
     "8 bytes of data, expected 4"},
    {"data without tensors", SafetensorsBytes("{}", "1234"),
     "4 bytes of data, expected 0"},
    {"overlap", TwoTensors("[0,4]", "[2,6]", 6),
     "\"a\" and \"b\" overlap: byte 2"},
    {"same range", TwoTensors("[0,4]", "[0,4]", 4), "\"a\" and \"b\" overlap"},
    {"hole", TwoTensors("[0,4]", "[6,10]", 10),
     "bytes 4 to 6 of the data, before tensor \"b\", belong to no tensor"},
    {"hole at the front", TwoTensors("[8,12]", "[4,8]", 12),
     "bytes 0 to 4 of the data, before tensor \"b\""},
    {"an empty name",
     SafetensorsBytes(R"({"":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
                      "1234"),
     "a tensor has no name"},
    {"a long name",
     SafetensorsBytes(absl::StrCat("{\"", std::string(1001, 'x'),
                                   "\":{\"dtype\":\"F32\",\"shape\":[],"
                                   "\"data_offsets\":[0,4]}}"),
                      "1234"),
     "xxx...\": name of 1001 bytes, expected at most 1000"},
    {"metadata is an array", SafetensorsBytes("{\"__metadata__\":[]}", ""),
     "__metadata__ is an array, expected an object"},
    {"metadata holds a number",
     SafetensorsBytes("{\"__metadata__\":{\"k\":1}}", ""),
     "__metadata__: \"k\" is a whole number, expected a string"},
};

TEST(BrokenSafetensorsTest, EachIsRefusedWithItsReason) {
  for (const Broken& broken : kBroken) {
    TempDirectory directory;
    auto file = File::Open(directory.Write("f", broken.bytes));
    ASSERT_TRUE(file.ok());
    EXPECT_THAT(ReadSafetensorsHeader(*file, "f"),
                IsError(kInvalid, broken.part))
        << broken.what;
  }
}

// A file that claims a huge header and is as large, without holding it.
TEST(BrokenSafetensorsTest, AHugeHeaderTakesNoMemory) {
  TempDirectory directory;
  const std::string path = directory.Write("f", Size(uint64_t{1} << 40));
  std::filesystem::resize_file(path, (uint64_t{1} << 40) + 8);
  auto file = File::Open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(ReadSafetensorsHeader(*file, "f"),
              IsError(kInvalid,
                      "header of 1099511627776 bytes, expected at "
                      "most 4194304"));
}

// Every prefix of a good file is refused, and every single changed bit gives an
// error or a sound header, never a crash.
TEST(BrokenSafetensorsTest, NoDamageCrashes) {
  const std::string good = testing::SafetensorsBuilder()
                               .SetMetadata("k", "v")
                               .AddF32("a", {2}, {1, 2})
                               .AddF32("b", {1}, {1})
                               .Build();
  TempDirectory directory;
  for (size_t size = 0; size < good.size(); ++size) {
    auto file = File::Open(directory.Write("f", good.substr(0, size)));
    ASSERT_TRUE(file.ok());
    EXPECT_FALSE(ReadSafetensorsHeader(*file, "f").ok()) << size;
  }
  const std::string header = good.substr(8, good.size() - 8 - 12);
  for (size_t bit = 0; bit < header.size() * 8; ++bit) {
    std::string damaged = header;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto parsed = ParseSafetensorsHeader(damaged, 12, "f");
    if (!parsed.ok()) continue;
    int64_t bytes = 0;
    for (const PlacedTensor& tensor : parsed->tensors) {
      EXPECT_EQ(tensor.elements * tensor.dtype.bits,
                (tensor.end - tensor.begin) * 8);
      bytes += tensor.end - tensor.begin;
    }
    EXPECT_EQ(bytes, 12) << damaged;
  }
}

}  // namespace
}  // namespace unroll
