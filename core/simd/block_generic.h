#ifndef UNROLL_CORE_SIMD_BLOCK_GENERIC_H_
#define UNROLL_CORE_SIMD_BLOCK_GENERIC_H_

#include <cstdint>
#include <cstring>

namespace unroll::simd {

// 16 floats in plain C++: what every block does, and what runs where there is
// nothing better.
struct GenericBlock {
  // How many blocks of sums a tile keeps at a time.
  static constexpr int kSums = 4;
#ifdef __FP_FAST_FMAF
  static constexpr bool kFused = true;
#else
  static constexpr bool kFused = false;  // in software it would be far too slow
#endif

  float v[16];

  static GenericBlock Zero() { return {}; }
  static GenericBlock Broadcast(float value) {
    return Each([&](int) { return value; });
  }
  static GenericBlock Load(const float* p) {
    return Each([&](int i) { return p[i]; });
  }
  // The first `count`, 1 to 16; zeros behind them. Nothing else is touched.
  static GenericBlock LoadPart(const float* p, int64_t count) {
    return Each([&](int i) { return i < count ? p[i] : 0.0f; });
  }
  void Store(float* p) const {
    for (int i = 0; i < 16; ++i) p[i] = v[i];
  }
  void StorePart(float* p, int64_t count) const {
    for (int i = 0; i < count; ++i) p[i] = v[i];
  }

  // a b + c, rounded once if kFused.
  friend GenericBlock Fma(const GenericBlock& a, const GenericBlock& b,
                          const GenericBlock& c) {
    return Each([&](int i) {
      return kFused ? __builtin_fmaf(a.v[i], b.v[i], c.v[i])
                    : a.v[i] * b.v[i] + c.v[i];
    });
  }
  friend GenericBlock operator+(const GenericBlock& a, const GenericBlock& b) {
    return Each([&](int i) { return a.v[i] + b.v[i]; });
  }
  friend GenericBlock operator-(const GenericBlock& a, const GenericBlock& b) {
    return Each([&](int i) { return a.v[i] - b.v[i]; });
  }
  friend GenericBlock operator*(const GenericBlock& a, const GenericBlock& b) {
    return Each([&](int i) { return a.v[i] * b.v[i]; });
  }
  friend GenericBlock operator/(const GenericBlock& a, const GenericBlock& b) {
    return Each([&](int i) { return a.v[i] / b.v[i]; });
  }
  // The second one if either is NaN.
  friend GenericBlock Min(const GenericBlock& a, const GenericBlock& b) {
    return Each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend GenericBlock Max(const GenericBlock& a, const GenericBlock& b) {
    return Each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend GenericBlock IfLess(const GenericBlock& a, const GenericBlock& b,
                             const GenericBlock& then,
                             const GenericBlock& otherwise) {
    return Each(
        [&](int i) { return a.v[i] < b.v[i] ? then.v[i] : otherwise.v[i]; });
  }
  // 2^n for whole numbers -126 <= n <= 127; anything for others.
  friend GenericBlock PowerOfTwo(const GenericBlock& n) {
    return Each([&](int i) {
      const bool valid = n.v[i] >= -126.0f && n.v[i] <= 127.0f;
      const auto exponent = static_cast<int32_t>(valid ? n.v[i] : 0.0f);
      return FromBits(static_cast<uint32_t>(exponent + 127) << 23);
    });
  }

 private:
  template <typename F>
  static GenericBlock Each(F f) {
    GenericBlock result;
    for (int i = 0; i < 16; ++i) result.v[i] = f(i);
    return result;
  }
  static float FromBits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
};

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_BLOCK_GENERIC_H_
