#include "core/simd/block_avx2.h"
#include "core/simd/matmul.h"
#include "core/simd/ops_by_isa.h"
#include "core/simd/softmax.h"

namespace unroll::simd {

const Ops kAvx2Ops = {Isa::kAvx2, RunMatmul<Avx2Block, Float32Weights>, nullptr,
                      nullptr, RunSoftmax<Avx2Block>};

}  // namespace unroll::simd
