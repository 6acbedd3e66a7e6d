#ifndef UNROLL_CORE_FORMAT_DTYPE_H_
#define UNROLL_CORE_FORMAT_DTYPE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace unroll {

// The element types of safetensors files. Weights may be of the first four.
enum class Dtype {
  kF32,
  kF64,
  kF16,
  kBf16,
  kOther,  // known and of a known size, but no weights
};

struct DtypeInfo {
  std::string_view name;  // as the file says it: "F32", "I64", ...
  Dtype dtype;
  int64_t bits;  // of an element
};

// Nothing: safetensors has no such type.
std::optional<DtypeInfo> FindDtype(std::string_view name);

// Converts little-endian elements, at any alignment, to float32, rounding to
// nearest even; what float32 cannot hold becomes infinite.
// REQUIRES: dtype is not kOther; bytes.size() is values.size() elements.
void ToFloat32(Dtype dtype, std::span<const char> bytes,
               std::span<float> values);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_DTYPE_H_
