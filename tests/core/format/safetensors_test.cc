#include "core/format/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using testing::BytesOf;
using ::testing::ElementsAre;
using testing::IsError;
using testing::IsOk;
using ::testing::Pair;
using testing::SafetensorsBuilder;
using testing::SafetensorsBytes;
using testing::TempDirectory;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<SafetensorsHeader> ReadHeader(const std::string& path) {
  auto file = File::Open(path);
  if (!file.ok()) return file.status();
  return ReadSafetensorsHeader(*file, "f");
}

// Reads the tensor "w" of such a file.
absl::StatusOr<Tensor> ReadW(const std::string& bytes) {
  TempDirectory directory;
  auto file = File::Open(directory.Write("f", bytes));
  if (!file.ok()) return file.status();
  const auto opened = SafetensorsFile::Open(*std::move(file), "f");
  if (!opened.ok()) return opened.status();
  return (*opened)->Read(*(*opened)->Find("w"));
}

TEST(SafetensorsTest, ReadsTensorsInAnyOrderAndKeepsMetadata) {
  TempDirectory directory;
  const std::string path =
      directory.Write("f", SafetensorsBuilder()
                               .SetMetadata("format", "pt")
                               .AddF32("z", {2, 1}, {1, 2})
                               .Add("a", "I64", {3}, std::string(24, 'x'))
                               .AddF32("scalar", {}, {5})
                               .Build());
  ASSERT_OK_AND_ASSIGN(const SafetensorsHeader header, ReadHeader(path));
  EXPECT_THAT(header.metadata, ElementsAre(Pair("format", "pt")));
  ASSERT_EQ(header.tensors.size(), 3);
  EXPECT_EQ(header.tensors[0].name, "a");
  EXPECT_EQ(header.tensors[0].dtype.name, "I64");
  EXPECT_EQ(header.tensors[1].name, "scalar");
  EXPECT_THAT(header.tensors[1].shape, ElementsAre());
  EXPECT_EQ(header.tensors[1].elements, 1);
  EXPECT_EQ(header.tensors[2].name, "z");
  EXPECT_THAT(header.tensors[2].shape, ElementsAre(2, 1));
}

TEST(SafetensorsTest, TakesWhatTheFormatAllows) {
  const std::string cases[] = {
      SafetensorsBytes("{}", ""),
      SafetensorsBytes("{}      ", ""),
      SafetensorsBytes("{\"__metadata__\":{}}", ""),
      // An empty tensor between two others.
      SafetensorsBuilder()
          .AddF32("a", {1}, {1})
          .AddF32("b", {0, 4}, {})
          .AddF32("c", {1}, {1})
          .Build(),
      SafetensorsBuilder().Add("four_bits", "F4", {3, 2}, "abc").Build(),
  };
  for (const std::string& bytes : cases) {
    TempDirectory directory;
    EXPECT_THAT(ReadHeader(directory.Write("f", bytes)), IsOk()) << bytes;
  }
}

TEST(SafetensorsTest, ConvertsEveryFloatingTypeAtAnyAlignment) {
  const std::vector<double> doubles = {0.5, -2};
  const std::vector<float> floats = {0.5, -2};
  const std::vector<uint16_t> halves = {0x3800, 0xC000};
  const std::vector<uint16_t> bfloats = {0x3F00, 0xC000};
  const std::pair<std::string, std::string> cases[] = {
      {"F64", BytesOf(doubles)},
      {"F32", BytesOf(floats)},
      {"F16", BytesOf(halves)},
      {"BF16", BytesOf(bfloats)}};
  for (const auto& [dtype, stored] : cases) {
    ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                         ReadW(SafetensorsBuilder()
                                   .Add("odd", "U8", {1}, "x")
                                   .Add("w", dtype, {2, 1}, stored)
                                   .Build()));
    EXPECT_EQ(tensor.shape, (Shape{2, 1})) << dtype;
    EXPECT_THAT(tensor.values, ElementsAre(0.5f, -2.0f)) << dtype;
  }
}

TEST(SafetensorsTest, ReadsATensorOfManyPieces) {
  std::vector<double> values(200'001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  ASSERT_OK_AND_ASSIGN(const Tensor tensor,
                       ReadW(SafetensorsBuilder()
                                 .Add("w", "F64", {200'001}, BytesOf(values))
                                 .Build()));
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(tensor.values[i], static_cast<float>(i));
  }
}

TEST(SafetensorsTest, NamesTheElementThatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(
      ReadW(SafetensorsBuilder()
                .AddF32("w", {2, 3}, {1, 2, 3, 4, 5, -kInfinity})
                .Build()),
      IsError(kInvalid, "f: tensor \"w\": element [1,2] is -inf in float32"));
  EXPECT_THAT(ReadW(SafetensorsBuilder().AddF32("w", {2}, {kNan, 0}).Build()),
              IsError(kInvalid, "tensor \"w\": element [0] is nan"));
  EXPECT_THAT(ReadW(SafetensorsBuilder()
                        .Add("w", "F64", {}, BytesOf(std::vector{1e300}))
                        .Build()),
              IsError(kInvalid, "element [] is inf in float32"));
  // Past the first piece.
  std::vector<float> many(100'000);
  many[70'003] = kNan;
  EXPECT_THAT(
      ReadW(SafetensorsBuilder().AddF32("w", {1000, 100}, many).Build()),
      IsError(kInvalid, "element [700,3] is nan"));
}

TEST(SafetensorsTest, AFileCutShortWhileItIsReadIsNoCrash) {
  TempDirectory directory;
  const std::string path = directory.Write(
      "f", SafetensorsBuilder().AddF32("w", {4}, {1, 2, 3, 4}).Build());
  ASSERT_OK_AND_ASSIGN(File opened, File::Open(path));
  ASSERT_OK_AND_ASSIGN(const auto file,
                       SafetensorsFile::Open(std::move(opened), "f"));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_THAT(file->Read(file->tensors()[0]),
              IsError(absl::StatusCode::kAborted, "changed while it was read"));
}

}  // namespace
}  // namespace unroll
