#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/format/pytorch_file.h"
#include "tests/support/pickle_writer.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_directory.h"
#include "tests/support/zip_writer.h"

namespace unroll {
namespace {

using testing::BytesOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsError;
using testing::OneTensor;
using testing::Pickled;
using testing::PickledDict;
using testing::PickledGlobal;
using testing::PickledInt;
using testing::PickledInts;
using testing::PickledTensor;
using testing::PickledText;
using testing::PytorchBytes;
using testing::TempDirectory;
using testing::ZipBytes;
using testing::ZipEntry;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

class BrokenPytorchTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<PytorchFile>> Open(const std::string& bytes) {
    auto file = File::Open(directory_.Write("f", bytes));
    if (!file.ok()) return file.status();
    return PytorchFile::Open(*std::move(file), "f");
  }

  TempDirectory directory_;
};

const std::string kNumbers = BytesOf<float>({1, 2, 3, 4});

// A file that has this pickle as data.pkl, besides some entries.
std::string With(const std::string& pickle, std::vector<ZipEntry> entries) {
  entries.push_back({"m/data.pkl", pickle});
  return ZipBytes(entries);
}

struct Broken {
  std::string what;
  std::string bytes;
  std::string part;  // of the message
};

const Broken kBroken[] = {
    {"empty", "", "f: 0 bytes, expected a zip archive"},
    {"text", std::string(600, 'x'), "f: not a zip archive"},
    {"a pickle", OneTensor(PickledTensor()), "f: not a zip archive"},
    {"before PyTorch 1.6",
     "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
     "f: in the format of PyTorch before 1.6; save it again: torch.save("},
    {"a tar", std::string(257, '\0') + "ustar" + std::string(300, '\0'),
     "f: in the format of PyTorch before 1.6"},
    {"no data.pkl", ZipBytes({{"m/data/0", kNumbers}}),
     "f: a zip archive without a data.pkl in a folder"},
    {"data.pkl in no folder", ZipBytes({{"data.pkl", ""}}), "without a data"},
    {"data.pkl too deep", ZipBytes({{"a/b/data.pkl", ""}}), "without a data"},
    {"two data.pkl", ZipBytes({{"a/data.pkl", ""}, {"b/data.pkl", ""}}),
     "entries \"b/data.pkl\" and \"a/data.pkl\", expected one data.pkl"},
    {"TorchScript", With("", {{"m/constants.pkl", ""}}),
     "f: a TorchScript program, not a state_dict; save it again"},
    {"a compressed data.pkl", ZipBytes({{"m/data.pkl", "abc", 0, 8}}),
     "entry \"m/data.pkl\": compressed or encrypted"},
    {"a large data.pkl",
     ZipBytes({{"m/data.pkl", std::string((4 << 20) + 1, 'x')}}),
     "entry \"m/data.pkl\": 4194305 bytes, expected at most 4194304"},
    {"an unknown byte order", With("", {{"m/byteorder", "middle"}}),
     "entry \"m/byteorder\" is \"middle\", expected \"little\" or \"big\""},
    {"a storage that is missing", PytorchBytes(OneTensor(PickledTensor()), {}),
     "f: tensor \"a\": entry \"m/data/0\" is missing"},
    {"a storage elsewhere",
     With(OneTensor({.key = PickledText("../0")}), {{"m/data/0", kNumbers}}),
     "entry \"m/data/../0\" is missing"},
    {"a short storage",
     PytorchBytes(OneTensor(PickledTensor()), {kNumbers.substr(1)}),
     "tensor \"a\": entry \"m/data/0\" has 15 bytes, expected 16 for 4 "
     "elements of F32"},
    {"a long storage",
     PytorchBytes(OneTensor(PickledTensor()), {kNumbers + "x"}),
     "has 17 bytes, expected 16"},
    {"a storage of another type",
     PytorchBytes(OneTensor({.type = PickledGlobal("torch", "HalfStorage")}),
                  {kNumbers}),
     "has 16 bytes, expected 8 for 4 elements of F16"},
    {"a storage of two types",
     PytorchBytes(
         Pickled(PickledDict(
             {{"a", PickledTensor().Value()},
              {"b", PickledTensor{.type = PickledGlobal("torch", "IntStorage")}
                        .Value()}})),
         {kNumbers}),
     "tensors \"a\" and \"b\": F32 and I32 in one storage"},
    {"a compressed storage",
     With(OneTensor(PickledTensor()), {{"m/data/0", kNumbers, 0, 8}}),
     "entry \"m/data/0\": compressed or encrypted"},
    {"a changed storage",
     With(OneTensor(PickledTensor()), {{"m/data/0", kNumbers, 0, 0, 1}}),
     "entry \"m/data/0\": CRC error"},
};

TEST_F(BrokenPytorchTest, EachFileIsRefusedWithItsReason) {
  for (const Broken& broken : kBroken) {
    EXPECT_THAT(Open(broken.bytes), IsError(kInvalid, broken.part))
        << broken.what;
  }
  EXPECT_THAT(File::Open(directory_.path()),
              IsError(kInvalid, "not a regular file"));
}

// What the tables above break is sound.
TEST_F(BrokenPytorchTest, TheSoundOneIsRead) {
  ASSERT_OK_AND_ASSIGN(
      const auto file,
      Open(PytorchBytes(OneTensor(PickledTensor()), {kNumbers})));
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, file->Read(*file->Find("a")));
  EXPECT_THAT(tensor.shape, ElementsAre(2, 2));
  EXPECT_THAT(tensor.values, ElementsAre(1, 2, 3, 4));
}

// Sizes behind a zero overflow nothing.
TEST_F(BrokenPytorchTest, AnEmptyTensorMayHaveAnyStrides) {
  constexpr int64_t kLarge = int64_t{1} << 40;
  ASSERT_OK_AND_ASSIGN(
      const auto file,
      Open(PytorchBytes(
          OneTensor({.offset = PickledInt(4),
                     .shape = PickledInts({0, kLarge, kLarge}),
                     .stride = PickledInts({kLargest, kLargest, 1})}),
          {kNumbers})));
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, file->Read(*file->Find("a")));
  EXPECT_THAT(tensor.shape, ElementsAre(0, kLarge, kLarge));
  EXPECT_THAT(tensor.values, IsEmpty());
}

TEST_F(BrokenPytorchTest, BigEndianNumbersAreTurned) {
  const std::string swapped = std::string("\x3F\x80\0\0\x40\0\0\0", 8) +
                              std::string("\xC0\x40\0\0\0\0\0\1", 8);
  for (const auto& [stride, want] :
       {std::pair(PickledInts({2, 1}), std::vector<float>{1, 2, -3, 0x1p-149f}),
        std::pair(PickledInts({1, 2}),
                  std::vector<float>{1, -3, 2, 0x1p-149f})}) {
    ASSERT_OK_AND_ASSIGN(
        const auto file,
        Open(With(OneTensor({.stride = stride}),
                  {{"m/data/0", swapped}, {"m/byteorder", "big"}})));
    ASSERT_OK_AND_ASSIGN(const Tensor tensor, file->Read(*file->Find("a")));
    EXPECT_EQ(tensor.values, want);
  }
}

TEST_F(BrokenPytorchTest, NumbersThatAreNotFiniteAreRefused) {
  ASSERT_OK_AND_ASSIGN(
      const auto file,
      Open(PytorchBytes(OneTensor({.stride = PickledInts({1, 2})}),
                        {BytesOf<float>({1, 2, INFINITY, 4})})));
  EXPECT_THAT(file->Read(*file->Find("a")),
              IsError(kInvalid, "f: tensor \"a\": element [0,1] is inf"));
}

std::string WithFlippedBit(std::string bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

// Every prefix of a sound file is refused, and every changed byte gives an
// error or tensors that can be read, never a crash.
TEST_F(BrokenPytorchTest, NoDamageCrashes) {
  const std::string pickle = Pickled(
      PickledDict({{"a", PickledTensor{.stride = PickledInts({1, 2})}.Value()},
                   {"b", PickledTensor().Value()}}));
  const std::string good = PytorchBytes(pickle, {kNumbers});
  const auto read_all = [this](const std::string& bytes) {
    const auto file = Open(bytes);
    if (!file.ok()) return false;
    for (const StoredTensor& tensor : (*file)->tensors()) {
      if (tensor.dtype.dtype != Dtype::kOther) (void)(*file)->Read(tensor);
    }
    return true;
  };
  ASSERT_TRUE(read_all(good));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(read_all(good.substr(0, size))) << size;
  }
  for (size_t byte = 0; byte < good.size(); ++byte) {
    read_all(WithFlippedBit(good, byte * 8 + byte % 8));
  }
  // The checksum hides most damage to the pickle in there.
  int sound = 0;
  for (size_t bit = 0; bit < pickle.size() * 8; ++bit) {
    const std::string damaged = WithFlippedBit(pickle, bit);
    if (!ParseStateDict(damaged, "f").ok()) continue;
    sound += read_all(PytorchBytes(damaged, {kNumbers}));
  }
  EXPECT_GT(sound, 10);
}

}  // namespace
}  // namespace unroll
