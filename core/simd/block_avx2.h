#ifndef UNROLL_CORE_SIMD_BLOCK_AVX2_H_
#define UNROLL_CORE_SIMD_BLOCK_AVX2_H_

#include <immintrin.h>

#include <cstdint>

namespace unroll::simd {

// 16 floats in two registers. See block_generic.h for what each operation
// means.
struct Avx2Block {
  static constexpr int kSums = 6;

  __m256 low, high;

  static Avx2Block Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Avx2Block Broadcast(float value) {
    return {_mm256_set1_ps(value), _mm256_set1_ps(value)};
  }
  static Avx2Block Load(const float* p) {
    return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
  }
  static Avx2Block LoadPart(const float* p, int64_t count) {
    // A load that is masked off whole still must not have a wild address.
    return {_mm256_maskload_ps(p, Mask(count)),
            count > 8 ? _mm256_maskload_ps(p + 8, Mask(count - 8))
                      : _mm256_setzero_ps()};
  }
  void Store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  void StorePart(float* p, int64_t count) const {
    _mm256_maskstore_ps(p, Mask(count), low);
    if (count > 8) _mm256_maskstore_ps(p + 8, Mask(count - 8), high);
  }

  friend Avx2Block Fma(Avx2Block a, Avx2Block b, Avx2Block c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low),
            _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  friend Avx2Block operator+(Avx2Block a, Avx2Block b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  friend Avx2Block operator-(Avx2Block a, Avx2Block b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  friend Avx2Block operator*(Avx2Block a, Avx2Block b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  friend Avx2Block operator/(Avx2Block a, Avx2Block b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  friend Avx2Block Min(Avx2Block a, Avx2Block b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  friend Avx2Block Max(Avx2Block a, Avx2Block b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  friend Avx2Block IfLess(Avx2Block a, Avx2Block b, Avx2Block then,
                          Avx2Block otherwise) {
    return {_mm256_blendv_ps(otherwise.low, then.low,
                             _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
            _mm256_blendv_ps(otherwise.high, then.high,
                             _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
  }
  friend Avx2Block PowerOfTwo(Avx2Block n) {
    return {PowerOfTwo(n.low), PowerOfTwo(n.high)};
  }

 private:
  static __m256 PowerOfTwo(__m256 n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
  }
  static __m256i Mask(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_BLOCK_AVX2_H_
