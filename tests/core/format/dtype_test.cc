#include "core/format/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/safetensors_builder.h"

namespace unroll {
namespace {

using testing::BytesOf;

constexpr uint32_t kInfinity = 0x7F800000;

// Bits in the file, and the bits of the float32 that they stand for, from the
// formats' definitions.
template <typename Bits>
struct Case {
  Bits stored;
  uint32_t float32;
};

template <typename Bits>
void ExpectConverts(Dtype dtype, const std::vector<Case<Bits>>& cases) {
  std::vector<Bits> stored;
  for (const auto& c : cases) stored.push_back(c.stored);
  // One byte in front: no alignment may be needed.
  const std::string bytes = absl::StrCat("x", BytesOf(stored));
  std::vector<float> values(cases.size());
  ToFloat32(dtype, std::span(bytes).subspan(1), values);
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(values[i]), cases[i].float32)
        << std::hex << uint64_t{cases[i].stored} << " became "
        << std::bit_cast<uint32_t>(values[i]);
  }
}

TEST(ToFloat32Test, KeepsEveryBitOfF32) {
  ExpectConverts<uint32_t>(Dtype::kF32, {{0x00000000, 0x00000000},
                                         {0x80000000, 0x80000000},
                                         {0x3F800000, 0x3F800000},
                                         {0x00000001, 0x00000001},
                                         {0x7FC00001, 0x7FC00001},
                                         {0xFF800000, 0xFF800000}});
}

TEST(ToFloat32Test, WidensF16Exactly) {
  ExpectConverts<uint16_t>(Dtype::kF16,
                           {{0x0000, 0x00000000},
                            {0x8000, 0x80000000},
                            {0x3C00, 0x3F800000},  // 1
                            {0xC000, 0xC0000000},  // -2
                            {0x3555, 0x3EAAA000},  // about 1/3
                            {0x7BFF, 0x477FE000},  // 65504, the largest
                            {0x0400, 0x38800000},  // 2^-14, least normal
                            {0x03FF, 0x387FC000},  // largest subnormal
                            {0x0001, 0x33800000},  // 2^-24, least
                            {0x8001, 0xB3800000},  // its negative
                            {0x7C00, kInfinity},
                            {0xFC00, 0xFF800000},
                            {0x7E00, 0x7FC00000}});  // NaN
}

TEST(ToFloat32Test, WidensBf16Exactly) {
  ExpectConverts<uint16_t>(Dtype::kBf16, {{0x0000, 0x00000000},
                                          {0x3F80, 0x3F800000},
                                          {0xC040, 0xC0400000},
                                          {0x0001, 0x00010000},
                                          {0x7F7F, 0x7F7F0000},
                                          {0x7F80, kInfinity},
                                          {0x7FC0, 0x7FC00000}});
}

TEST(ToFloat32Test, RoundsF64ToNearestEvenAndOverflowsToInfinity) {
  ExpectConverts<uint64_t>(
      Dtype::kF64,
      {{0x0000000000000000, 0x00000000},
       {0x8000000000000000, 0x80000000},
       {0x3FF0000000000000, 0x3F800000},  // 1
       {0x3FD5555555555555, 0x3EAAAAAB},  // 1/3
       {0x3FF0000010000000, 0x3F800000},  // 1 + 2^-24: a tie, to even
       {0x3FF0000030000000, 0x3F800002},  // 1 + 3 * 2^-24: a tie, to even
       {0x47EFFFFFE0000000, 0x7F7FFFFF},  // the largest float32
       {0x47EFFFFFEFFFFFFF, 0x7F7FFFFF},  // just under half a step more
       {0x47EFFFFFF0000000, kInfinity},   // half a step more
       {0xC7F0000000000000, 0xFF800000},  // -2^128
       {0x7FE0000000000000, kInfinity},   // 2^1023
       {0x36A0000000000000, 0x00000001},  // 2^-149, the least subnormal
       {0x0010000000000000, 0x00000000},  // 2^-1022
       {0x7FF0000000000000, kInfinity}});
}

TEST(FindDtypeTest, KnowsTheFormatsTypes) {
  EXPECT_EQ(FindDtype("BF16")->dtype, Dtype::kBf16);
  EXPECT_EQ(FindDtype("I64")->dtype, Dtype::kOther);
  EXPECT_EQ(FindDtype("I64")->bits, 64);
  EXPECT_EQ(FindDtype("F4")->bits, 4);
  EXPECT_FALSE(FindDtype("float32"));
  EXPECT_FALSE(FindDtype(""));
}

}  // namespace
}  // namespace unroll
