#ifndef UNROLL_CORE_SIMD_BLOCK_AVX512_H_
#define UNROLL_CORE_SIMD_BLOCK_AVX512_H_

#include <immintrin.h>

#include <cstdint>

namespace unroll::simd {

// 16 floats in a register. See block_generic.h for what each operation means.
struct Avx512Block {
  // Registers for sums; the rest hold what is multiplied.
  static constexpr int kSums = 24;

  __m512 v;

  static Avx512Block Zero() { return {_mm512_setzero_ps()}; }
  static Avx512Block Broadcast(float value) { return {_mm512_set1_ps(value)}; }
  static Avx512Block Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Avx512Block LoadPart(const float* p, int64_t count) {
    return {_mm512_maskz_loadu_ps(Mask(count), p)};
  }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  void StorePart(float* p, int64_t count) const {
    _mm512_mask_storeu_ps(p, Mask(count), v);
  }

  static void LoadPairs(const uint16_t* p, Avx512Block& even,
                        Avx512Block& odd) {
    const __m512i pairs = _mm512_loadu_si512(p);
    even.v = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    odd.v = _mm512_castsi512_ps(_mm512_and_si512(
        pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000))));
  }

  friend Avx512Block Fma(Avx512Block a, Avx512Block b, Avx512Block c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  friend Avx512Block operator+(Avx512Block a, Avx512Block b) {
    return {_mm512_add_ps(a.v, b.v)};
  }
  friend Avx512Block operator-(Avx512Block a, Avx512Block b) {
    return {_mm512_sub_ps(a.v, b.v)};
  }
  friend Avx512Block operator*(Avx512Block a, Avx512Block b) {
    return {_mm512_mul_ps(a.v, b.v)};
  }
  friend Avx512Block operator/(Avx512Block a, Avx512Block b) {
    return {_mm512_div_ps(a.v, b.v)};
  }
  friend Avx512Block Min(Avx512Block a, Avx512Block b) {
    return {_mm512_min_ps(a.v, b.v)};
  }
  friend Avx512Block Max(Avx512Block a, Avx512Block b) {
    return {_mm512_max_ps(a.v, b.v)};
  }
  friend Avx512Block IfLess(Avx512Block a, Avx512Block b, Avx512Block then,
                            Avx512Block otherwise) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ),
                                 otherwise.v, then.v)};
  }
  friend Avx512Block PowerOfTwo(Avx512Block n) {
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
