#ifndef UNROLL_CORE_SIMD_OPS_BY_ISA_H_
#define UNROLL_CORE_SIMD_OPS_BY_ISA_H_

#include "core/simd/ops.h"

namespace unroll::simd {

// One a file, compiled for that instruction set.
extern const Ops kGenericOps;
extern const Ops kAvx2Ops;
extern const Ops kAvx512Ops;
extern const Ops kAvx512Bfloat16Ops;

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_OPS_BY_ISA_H_
