#ifndef UNROLL_CORE_RNN_CPU_H_
#define UNROLL_CORE_RNN_CPU_H_

#include "core/simd/ops.h"

namespace unroll {

// The best arithmetic this CPU has, as oneDNN sees it: the environment variable
// ONEDNN_MAX_CPU_ISA (SSE41, AVX2, ...) holds it back to less.
const simd::Ops& CpuOps();

// Whether that multiplies bfloat16.
inline bool CpuHasBfloat16() { return CpuOps().matmul_bfloat16 != nullptr; }

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_CPU_H_
