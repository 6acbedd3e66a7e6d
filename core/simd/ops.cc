#include "core/simd/ops.h"

#include "core/simd/block_generic.h"
#include "core/simd/ops_by_isa.h"

namespace unroll::simd {

const Ops& OpsFor(Isa isa) {
#ifdef __x86_64__
  if (isa == Isa::kAvx512Bfloat16) return kAvx512Bfloat16Ops;
  if (isa == Isa::kAvx512) return kAvx512Ops;
  if (isa == Isa::kAvx2) return kAvx2Ops;
#endif
  static_cast<void>(isa);
  return kGenericOps;
}

bool Fused(Isa isa) { return isa != Isa::kGeneric || GenericBlock::kFused; }

}  // namespace unroll::simd
