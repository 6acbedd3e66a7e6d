#ifndef UNROLL_CORE_SIMD_BFLOAT16_WEIGHTS_H_
#define UNROLL_CORE_SIMD_BFLOAT16_WEIGHTS_H_

#include <immintrin.h>

#include <cstdint>

#include "core/simd/ops.h"

// Included by ops_avx512_bfloat16.cc only; see functions.h.
namespace unroll::simd {

#define UNROLL_WHOLE _Pragma("GCC unroll 8")

// Pairs of bfloat16: two multiply-adds a lane in one instruction.
struct Bfloat16Weights {
  using Input = uint32_t;  // a pair
  static int64_t PanelBytes(int64_t inputs) {
    return (inputs + 1) / 2 * kPanel * 4;
  }

  template <typename Block, int kRows, int kPanels>
  [[gnu::always_inline]] static void AddTo(const Matmul& m, const uint32_t* x,
                                           int64_t panel,
                                           Block (&sums)[kRows][kPanels]) {
    const int64_t pairs = (m.inputs + 1) / 2, x_stride = m.x_stride;
    const uint32_t* weights =
        static_cast<const uint32_t*>(m.weights) + panel * pairs * kPanel;
#pragma GCC unroll 4
    for (int64_t k = 0; k < pairs; ++k) {
      // As Float32Weights does where W has more panels: all of x fits.
      __m512bh x_k[kRows];
      UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
        x_k[i] =
            (__m512bh)_mm512_set1_epi32(static_cast<int>(x[i * x_stride + k]));
      }
      UNROLL_WHOLE for (int j = 0; j < kPanels; ++j) {
        const auto w =
            (__m512bh)_mm512_load_si512(weights + (j * pairs + k) * kPanel);
        UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
          sums[i][j].v = _mm512_dpbf16_ps(sums[i][j].v, w, x_k[i]);
        }
      }
    }
  }
};

#undef UNROLL_WHOLE

template <typename Block>
void RoundToBfloat16(const float* x, int64_t count, uint32_t* pairs) {
  for (int64_t k = 0; k < count; k += kPanel) {
    const int64_t left = count - k;
    const Block block =
        left < kPanel ? Block::LoadPart(x + k, left) : Block::Load(x + k);
    const auto rounded = (__m256i)_mm512_cvtneps_pbh(block.v);
    if (left < kPanel) {
      const auto mask = static_cast<__mmask8>((1u << ((left + 1) / 2)) - 1);
      _mm256_mask_storeu_epi32(pairs + k / 2, mask, rounded);
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(pairs + k / 2), rounded);
    }
  }
}

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_BFLOAT16_WEIGHTS_H_
