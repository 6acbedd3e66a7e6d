#include "core/simd/bfloat16_weights.h"
#include "core/simd/block_avx512.h"
#include "core/simd/matmul.h"
#include "core/simd/ops_by_isa.h"
#include "core/simd/softmax.h"

namespace unroll::simd {

using Avx512Block = Avx512BlockOf<true>;

const Ops kAvx512Bfloat16Ops = {
    Isa::kAvx512Bfloat16, RunMatmul<Avx512Block, Float32Weights>,
    RunMatmul<Avx512Block, Bfloat16Weights>, RoundToBfloat16<Avx512Block>,
    RunSoftmax<Avx512Block>};

}  // namespace unroll::simd
