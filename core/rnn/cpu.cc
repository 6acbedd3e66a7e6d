#include "core/rnn/cpu.h"

#include "core/rnn/onednn.h"

namespace unroll {

const simd::Ops& CpuOps() {
  static const simd::Ops& ops = []() -> const simd::Ops& {
    const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    // A set holds the bits of all that it builds on.
    const auto has = [isa](dnnl::cpu_isa wanted) {
      const auto bits = static_cast<unsigned>(wanted);
      return (isa & bits) == bits;
    };
    if (has(dnnl::cpu_isa::avx512_core_bf16)) {
      return simd::OpsFor(simd::Isa::kAvx512Bfloat16);
    }
    if (has(dnnl::cpu_isa::avx512_core)) {
      return simd::OpsFor(simd::Isa::kAvx512);
    }
    return simd::OpsFor(has(dnnl::cpu_isa::avx2) ? simd::Isa::kAvx2
                                                 : simd::Isa::kGeneric);
  }();
  return ops;
}

}  // namespace unroll
