#ifndef UNROLL_CORE_SIMD_BLOCK_AVX512_H_
#define UNROLL_CORE_SIMD_BLOCK_AVX512_H_

#include <immintrin.h>

#include <cstdint>

namespace unroll::simd {

// 16 floats in a register. See block_generic.h for what each operation means.
// The parameter keeps code of different compiler flags apart: see functions.h.
template <bool kBfloat16>
struct Avx512BlockOf {
  // Registers for sums; the rest hold what is multiplied.
  static constexpr int kSums = 24;

  __m512 v;

  static Avx512BlockOf Zero() { return {_mm512_setzero_ps()}; }
  static Avx512BlockOf Broadcast(float value) {
    return {_mm512_set1_ps(value)};
  }
  static Avx512BlockOf Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Avx512BlockOf LoadPart(const float* p, int64_t count) {
    return {_mm512_maskz_loadu_ps(Mask(count), p)};
  }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  void StorePart(float* p, int64_t count) const {
    _mm512_mask_storeu_ps(p, Mask(count), v);
  }

  friend Avx512BlockOf Fma(Avx512BlockOf a, Avx512BlockOf b, Avx512BlockOf c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  friend Avx512BlockOf operator+(Avx512BlockOf a, Avx512BlockOf b) {
    return {_mm512_add_ps(a.v, b.v)};
  }
  friend Avx512BlockOf operator-(Avx512BlockOf a, Avx512BlockOf b) {
    return {_mm512_sub_ps(a.v, b.v)};
  }
  friend Avx512BlockOf operator*(Avx512BlockOf a, Avx512BlockOf b) {
    return {_mm512_mul_ps(a.v, b.v)};
  }
  friend Avx512BlockOf operator/(Avx512BlockOf a, Avx512BlockOf b) {
    return {_mm512_div_ps(a.v, b.v)};
  }
  friend Avx512BlockOf Min(Avx512BlockOf a, Avx512BlockOf b) {
    return {_mm512_min_ps(a.v, b.v)};
  }
  friend Avx512BlockOf Max(Avx512BlockOf a, Avx512BlockOf b) {
    return {_mm512_max_ps(a.v, b.v)};
  }
  friend Avx512BlockOf IfLess(Avx512BlockOf a, Avx512BlockOf b,
                              Avx512BlockOf then, Avx512BlockOf otherwise) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ),
                                 otherwise.v, then.v)};
  }
  friend Avx512BlockOf PowerOfTwo(Avx512BlockOf n) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(
        _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127)),
        23))};
  }

 private:
  static __mmask16 Mask(int64_t count) {
    return static_cast<__mmask16>((1u << count) - 1);
  }
};

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_BLOCK_AVX512_H_
