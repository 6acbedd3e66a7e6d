#include "core/simd/block_avx512.h"
#include "core/simd/matmul.h"
#include "core/simd/ops_by_isa.h"
#include "core/simd/softmax.h"

namespace unroll::simd {

using Avx512Block = Avx512BlockOf<false>;

const Ops kAvx512Ops = {Isa::kAvx512, RunMatmul<Avx512Block, Float32Weights>,
                        nullptr, nullptr, RunSoftmax<Avx512Block>};

}  // namespace unroll::simd
