#include "core/format/dtype.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/half.h"

namespace unroll {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr DtypeInfo kDtypes[] = {
    {"F32", Dtype::kF32, 32},      {"F64", Dtype::kF64, 64},
    {"F16", Dtype::kF16, 16},      {"BF16", Dtype::kBf16, 16},
    {"I64", Dtype::kOther, 64},    {"I32", Dtype::kOther, 32},
    {"I16", Dtype::kOther, 16},    {"I8", Dtype::kOther, 8},
    {"U64", Dtype::kOther, 64},    {"U32", Dtype::kOther, 32},
    {"U16", Dtype::kOther, 16},    {"U8", Dtype::kOther, 8},
    {"BOOL", Dtype::kOther, 8},    {"C64", Dtype::kOther, 64},
    {"F8_E4M3", Dtype::kOther, 8}, {"F8_E5M2", Dtype::kOther, 8},
    {"F8_E8M0", Dtype::kOther, 8}, {"F6_E2M3", Dtype::kOther, 6},
    {"F6_E3M2", Dtype::kOther, 6}, {"F4", Dtype::kOther, 4},
};

template <typename T>
T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

float FromDouble(double value) {
  // Past this, half a step over the largest float, nearest is infinity. (A
  // cast out of range would be undefined behaviour.)
  constexpr double kLimit = 0x1.ffffffp127;
  if (std::abs(value) >= kLimit) {
    return std::copysign(std::numeric_limits<float>::infinity(),
                         static_cast<float>(std::copysign(1, value)));
  }
  return static_cast<float>(value);
}

}  // namespace

std::optional<DtypeInfo> FindDtype(std::string_view name) {
  for (const DtypeInfo& info : kDtypes) {
    if (info.name == name) return info;
  }
  return std::nullopt;
}

void ToFloat32(Dtype dtype, std::span<const char> bytes,
               std::span<float> values) {
  const char* from = bytes.data();
  switch (dtype) {
    case Dtype::kF32:
      if (!values.empty()) std::memcpy(values.data(), from, bytes.size());
      return;
    case Dtype::kF64:
      for (float& value : values) {
        value = FromDouble(Load<double>(from));
        from += sizeof(double);
      }
      return;
    case Dtype::kF16:
      for (float& value : values) {
        value = FromHalf(Load<uint16_t>(from));
        from += sizeof(uint16_t);
      }
      return;
    case Dtype::kBf16:
      for (float& value : values) {
        value = FromBfloat16(Load<uint16_t>(from));
        from += sizeof(uint16_t);
      }
      return;
    case Dtype::kOther:
      return;
  }
}

}  // namespace unroll
