#ifndef UNROLL_CORE_SIMD_OPS_H_
#define UNROLL_CORE_SIMD_OPS_H_

#include <cstdint>

// The arithmetic that sequences are run with, written once over blocks of 16
// floats and compiled for each instruction set.
//
// The promise: the bits of a result depend on its own row and column alone, not
// on what other rows are computed with it, where it lies in memory, how columns
// are shared out or which instruction set (of those with fused multiply-add)
// runs. Every sum is one chain in a fixed order, every function is made of the
// same operations on each lane, rounded alike.
namespace unroll::simd {

enum class Isa {
  kGeneric,
  kAvx2,
  kAvx512,
  kAvx512Bfloat16  // with vdpbf16ps
};

// What is done to a sum in passing. NaN stays NaN.
enum class Function { kIdentity, kTanh, kRelu, kSigmoid };

// Columns lie in panels of so many, the last one filled up with zeros. A panel
// is [inputs][16] floats, or for bfloat16 [inputs / 2, rounded up][16][2].
inline constexpr int64_t kPanel = 16;
// Where a panel must begin, in bytes; all panels do if the first one does.
inline constexpr int64_t kAlignment = 64;

// y = f(start + x W) for some rows, where with float32 weights
//   y[r][c] = f(fma(x[r][K-1], W[K-1][c], ... fma(x[r][0], W[0][c], start)))
// With bfloat16 weights and inputs the odd k of each pair comes before the even
// one, and what is denormal, going in or coming out, is zero (VDPBF16PS of
// Intel's manual).
struct Matmul {
  int64_t rows = 0;
  int64_t inputs = 0;       // K
  int64_t columns = 0;      // of y
  const void* x = nullptr;  // [rows, inputs] floats, or [rows, inputs / 2,
                            // rounded up] pairs of bfloat16
  int64_t x_stride = 0;     // of these from row to row
  const void* weights = nullptr;  // panels
  const float* start = nullptr;   // [rows, columns]; may be y itself
  int64_t start_stride = 0;       // 0: one row for all
  float* y = nullptr;             // [rows, columns]; no x may lie in it
  int64_t y_stride = 0;
  Function function = Function::kIdentity;
  // Only the columns of these panels are computed.
  int64_t first_panel = 0;
  int64_t end_panel = 0;
};

struct Ops {
  Isa isa;
  void (*matmul)(const Matmul& matmul);
  // Null where the CPU has no such multiplications.
  void (*matmul_bfloat16)(const Matmul& matmul);
  // To nearest, ties to even, denormals to zero; a zero behind an odd count.
  void (*round_to_bfloat16)(const float* x, int64_t count, uint32_t* pairs);
  // In place, over `count` values; `logarithm`: its logarithm.
  void (*softmax)(float* row, int64_t count, bool logarithm);
};

// REQUIRES: this CPU can run it. What was not compiled in (another
// architecture) is kGeneric.
const Ops& OpsFor(Isa isa);

// Whether `isa` rounds once in a multiply-add, so that its bits are those of
// the others that do.
bool Fused(Isa isa);

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_OPS_H_
