#ifndef UNROLL_CORE_RNN_CPU_H_
#define UNROLL_CORE_RNN_CPU_H_

#include <string>

#include "core/simd/ops.h"

namespace unroll {

// The best arithmetic this CPU has, as oneDNN sees it: the environment variable
// ONEDNN_MAX_CPU_ISA (SSE41, AVX2, ...) holds it back to less.
const simd::Ops& CpuOps();

// oneDNN's version and instruction set, such as "2.6.3-isa239": what
// the bits of its primitives hang on.
std::string OneDnnVersion();

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_CPU_H_
