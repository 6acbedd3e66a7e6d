#ifndef UNROLL_CORE_BASE_HALF_H_
#define UNROLL_CORE_BASE_HALF_H_

#include <bit>
#include <cstdint>

namespace unroll {

// The float of a float16's bits: exact.
inline float FromHalf(uint16_t half) {
  const uint32_t sign = uint32_t{half} >> 15 << 31;
  const uint32_t exponent = half >> 10 & 0x1F;
  const uint32_t mantissa = half & 0x3FF;
  uint32_t bits;
  if (exponent == 0) {  // zero and subnormals, which float32 holds as normal
    bits = std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-24f);
  } else if (exponent == 0x1F) {  // infinity and NaN
    bits = 0x7F800000 | mantissa << 13;
  } else {
    bits = (exponent + 127 - 15) << 23 | mantissa << 13;
  }
  return std::bit_cast<float>(sign | bits);
}

// The float of a bfloat16's bits, which are its upper half.
inline float FromBfloat16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_HALF_H_
