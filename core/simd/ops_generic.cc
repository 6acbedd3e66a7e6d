#include "core/simd/block_generic.h"
#include "core/simd/matmul.h"
#include "core/simd/ops_by_isa.h"
#include "core/simd/softmax.h"

namespace unroll::simd {

const Ops kGenericOps = {Isa::kGeneric, RunMatmul<GenericBlock, Float32Weights>,
                         nullptr, nullptr, RunSoftmax<GenericBlock>};

}  // namespace unroll::simd
