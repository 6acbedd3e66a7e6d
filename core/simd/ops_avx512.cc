#include "core/simd/block_avx512.h"
#include "core/simd/matmul.h"
#include "core/simd/ops_by_isa.h"
#include "core/simd/softmax.h"

namespace unroll::simd {

const Ops kAvx512Ops = {Isa::kAvx512, RunMatmul<Avx512Block>,
                        RunSoftmax<Avx512Block>};

}  // namespace unroll::simd
