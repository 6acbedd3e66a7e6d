#ifndef UNROLL_CORE_SIMD_MATMUL_H_
#define UNROLL_CORE_SIMD_MATMUL_H_

#include <cstdint>

#include "core/simd/functions.h"
#include "core/simd/ops.h"

// Included by ops_*.cc only; see functions.h.
namespace unroll::simd {

// The loops over a tile's rows and panels have to be unrolled for its sums to
// stay in registers while K goes by.
#define UNROLL_WHOLE _Pragma("GCC unroll 8")

template <typename Block, int kRows, int kPanels>
using Sums = Block[kRows][kPanels];

// What is multiplied, and how: AddTo does sums += x W for a tile. A panel is
// PanelBytes long.
struct Float32Weights {
  using Input = float;
  static int64_t PanelBytes(int64_t inputs) { return inputs * kPanel * 4; }

  template <typename Block, int kRows, int kPanels>
  [[gnu::always_inline]] static void AddTo(const Matmul& m, const float* x,
                                           int64_t panel,
                                           Sums<Block, kRows, kPanels>& sums) {
    const int64_t inputs = m.inputs, x_stride = m.x_stride;
    const float* weights =
        static_cast<const float*>(m.weights) + panel * inputs * kPanel;
// Fewer instructions that are not multiplications: a core that is shared with
// another thread hands out too few for both (5 % there, nothing elsewhere).
#pragma GCC unroll 4
    for (int64_t k = 0; k < inputs; ++k) {
      // Of x and W the fewer stay in registers beside the sums: three rows of x
      // fit where W's eight panels would not.
      if constexpr (kRows < kPanels) {
        Block x_k[kRows];
        UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
          x_k[i] = Block::Broadcast(x[i * x_stride + k]);
        }
        UNROLL_WHOLE for (int j = 0; j < kPanels; ++j) {
          const Block w_j = Block::Load(weights + (j * inputs + k) * kPanel);
          UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
            sums[i][j] = Fma(x_k[i], w_j, sums[i][j]);
          }
        }
      } else {
        Block w[kPanels];
        UNROLL_WHOLE for (int j = 0; j < kPanels; ++j) {
          w[j] = Block::Load(weights + (j * inputs + k) * kPanel);
        }
        UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
          const Block x_i = Block::Broadcast(x[i * x_stride + k]);
          UNROLL_WHOLE for (int j = 0; j < kPanels; ++j) {
            sums[i][j] = Fma(x_i, w[j], sums[i][j]);
          }
        }
      }
    }
  }
};

// f of one row of some columns, in place.
template <typename Block>
void ApplyToRow(Function function, float* y, int64_t columns) {
  int64_t i = 0;
  for (; i + kPanel <= columns; i += kPanel) {
    Apply(function, Block::Load(y + i)).Store(y + i);
  }
  if (i < columns) {
    Apply(function, Block::LoadPart(y + i, columns - i))
        .StorePart(y + i, columns - i);
  }
}

// y of kRows rows and kPanels panels.
template <typename Block, typename Weights, int kRows, int kPanels>
void RunTile(const Matmul& m, int64_t row, int64_t panel) {
  const int64_t first = panel * kPanel;
  const int64_t left = m.columns - first;  // columns from there on
  const float* start = m.start + row * m.start_stride + first;
  float* y = m.y + row * m.y_stride + first;
  const auto* x =
      static_cast<const typename Weights::Input*>(m.x) + row * m.x_stride;

  Sums<Block, kRows, kPanels> sums;
  UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
    UNROLL_WHOLE for (int j = 0; j < kPanels; ++j) {
      const float* from = start + i * m.start_stride + j * kPanel;
      const int64_t count = left - j * kPanel;
      sums[i][j] =
          count >= kPanel ? Block::Load(from) : Block::LoadPart(from, count);
    }
  }
  Weights::template AddTo<Block, kRows, kPanels>(m, x, panel, sums);
  UNROLL_WHOLE for (int i = 0; i < kRows; ++i) {
    UNROLL_WHOLE for (int j = 0; j < kPanels; ++j) {
      float* to = y + i * m.y_stride + j * kPanel;
      const int64_t count = left - j * kPanel;
      count >= kPanel ? sums[i][j].Store(to) : sums[i][j].StorePart(to, count);
    }
  }
  if (m.function == Function::kIdentity) return;
  const int64_t columns = left < kPanels * kPanel ? left : kPanels * kPanel;
  for (int i = 0; i < kRows; ++i) {
    ApplyToRow<Block>(m.function, y + i * m.y_stride, columns);
  }
}

inline constexpr int kMaxRows = 8;  // of a tile

// The most panels, a power of two, whose sums of so many rows fit.
template <typename Block>
constexpr int PanelsFor(int64_t rows) {
  int panels = 8;
  while (panels > 1 && rows * panels > Block::kSums) panels /= 2;
  return panels;
}

using TileFunction = void (*)(const Matmul&, int64_t row, int64_t panel);

template <typename Block, typename Weights, int kRows>
TileFunction TileOf(int panels) {
  constexpr int kMost = PanelsFor<Block>(kRows);
  if constexpr (kMost >= 8) {
    if (panels == 8) return RunTile<Block, Weights, kRows, 8>;
  }
  if constexpr (kMost >= 4) {
    if (panels == 4) return RunTile<Block, Weights, kRows, 4>;
  }
  if constexpr (kMost >= 2) {
    if (panels == 2) return RunTile<Block, Weights, kRows, 2>;
  }
  return RunTile<Block, Weights, kRows, 1>;
}

template <typename Block, typename Weights>
TileFunction TileOf(int rows, int panels) {
  switch (rows) {
    case 1:
      return TileOf<Block, Weights, 1>(panels);
    case 2:
      return TileOf<Block, Weights, 2>(panels);
    case 3:
      return TileOf<Block, Weights, 3>(panels);
    case 4:
      return TileOf<Block, Weights, 4>(panels);
    case 5:
      return TileOf<Block, Weights, 5>(panels);
    case 6:
      return TileOf<Block, Weights, 6>(panels);
    case 7:
      return TileOf<Block, Weights, 7>(panels);
    default:
      return TileOf<Block, Weights, 8>(panels);
  }
}

// All rows of some panels, in tiles of about the same number of rows.
template <typename Block, typename Weights>
void RunPanels(const Matmul& m, int64_t tiles, int64_t panel, int panels) {
  for (int64_t i = 0, row = 0; i < tiles; ++i) {
    const int64_t end = m.rows * (i + 1) / tiles;
    TileOf<Block, Weights>(static_cast<int>(end - row), panels)(m, row, panel);
    row = end;
  }
}

// Weights of more than so many bytes do not stay in a core's own cache. They
// are read as seldom as can be: by tiles of more rows and fewer panels.
inline constexpr int64_t kBigWeights = 1 << 20;

template <typename Block, typename Weights>
void RunMatmul(const Matmul& m) {
  if (m.rows == 0) return;
  const int64_t weight_bytes =
      m.columns / kPanel * Weights::PanelBytes(m.inputs);
  const int64_t wanted =
      weight_bytes > kBigWeights && m.rows <= 16 ? kMaxRows : 6;
  const int64_t most = wanted < Block::kSums ? wanted : Block::kSums;
  const int64_t tiles = (m.rows + most - 1) / most;
  int panels = PanelsFor<Block>((m.rows + tiles - 1) / tiles);
  for (int64_t panel = m.first_panel; panel < m.end_panel; panel += panels) {
    while (panels > m.end_panel - panel) panels /= 2;
    RunPanels<Block, Weights>(m, tiles, panel, panels);
  }
}

#undef UNROLL_WHOLE

}  // namespace unroll::simd

#endif  // UNROLL_CORE_SIMD_MATMUL_H_
