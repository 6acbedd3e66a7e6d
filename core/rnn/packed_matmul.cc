#include "core/rnn/packed_matmul.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "core/base/half.h"
#include "core/rnn/cpu.h"

namespace unroll {
namespace {

// Below this a second core would cost more time than it saves: handing out a
// part takes a few tenths of a microsecond.
constexpr int64_t kSharedOutputs = 512;
constexpr int64_t kSharedWeights = 256 * 512;
constexpr int64_t kPartPanels = 8;

int64_t Panels(int64_t columns) {
  return (columns + simd::kPanel - 1) / simd::kPanel;
}

int64_t WeightBytes(int64_t outputs, int64_t inputs, Precision precision) {
  const int64_t row_bytes =
      precision == Precision::kFloat32
          ? inputs * int64_t{sizeof(float)}
          : (inputs + 1) / 2 * int64_t{2 * sizeof(uint16_t)};
  return Panels(outputs) * simd::kPanel * row_bytes;
}

// To the nearest bfloat16, ties to even. Weights are finite.
uint16_t ToBfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Where weight[column][k] belongs: see simd/ops.h.
int64_t PackedIndex(int64_t column, int64_t k, int64_t inputs,
                    Precision precision) {
  const int64_t panel = column / simd::kPanel;
  const int64_t lane = column % simd::kPanel;
  if (precision == Precision::kFloat32) {
    return (panel * inputs + k) * simd::kPanel + lane;
  }
  const int64_t pairs = (inputs + 1) / 2;
  return ((panel * pairs + k / 2) * simd::kPanel + lane) * 2 + k % 2;
}

}  // namespace

float Rounded(float weight, Precision precision) {
  if (precision == Precision::kFloat32) return weight;
  return FromBfloat16(ToBfloat16(weight));
}

PackedMatmul::PackedMatmul(const Tensor& weight, const std::vector<float>& bias,
                           Precision precision, simd::Function function)
    : inputs_(weight.shape[1]),
      outputs_(weight.shape[0]),
      precision_(precision),
      function_(function),
      bias_(bias),
      weights_(static_cast<std::byte*>(std::aligned_alloc(
          simd::kAlignment, WeightBytes(outputs_, inputs_, precision_)))) {
  if (weights_ == nullptr) throw std::bad_alloc();
  bias_.resize(outputs_, 0.0f);
  std::memset(weights_.get(), 0, WeightBytes(outputs_, inputs_, precision_));
  for (int64_t column = 0; column < outputs_; ++column) {
    const float* row = weight.values.data() + column * inputs_;
    for (int64_t k = 0; k < inputs_; ++k) {
      const int64_t index = PackedIndex(column, k, inputs_, precision_);
      if (precision_ == Precision::kFloat32) {
        reinterpret_cast<float*>(weights_.get())[index] = row[k];
      } else {
        reinterpret_cast<uint16_t*>(weights_.get())[index] = ToBfloat16(row[k]);
      }
    }
  }
}

simd::Matmul PackedMatmul::Call(int64_t rows, ConstRows source, Rows target,
                                Workspace& workspace) const {
  simd::Matmul call = {.rows = rows,
                       .inputs = inputs_,
                       .columns = outputs_,
                       .x = source.data,
                       .x_stride = source.stride,
                       .weights = weights_.get(),
                       .y = target.data,
                       .y_stride = target.stride,
                       .function = function_,
                       .first_panel = 0,
                       .end_panel = Panels(outputs_)};
  if (precision_ == Precision::kBfloat16) {
    const int64_t pairs = (inputs_ + 1) / 2;
    auto* const rounded = reinterpret_cast<uint32_t*>(workspace.Bytes(
        Workspace::kRounded, rows * pairs * int64_t{sizeof(uint32_t)}));
    for (int64_t row = 0; row < rows; ++row) {
      CpuOps().round_to_bfloat16(source.From(row).data, inputs_,
                                 rounded + row * pairs);
    }
    call.x = rounded;
    call.x_stride = pairs;
  }
  return call;
}

void PackedMatmul::Run(int64_t rows, ConstRows source, Rows target,
                       Workspace& workspace, Cores::Lease* cores) const {
  simd::Matmul call = Call(rows, source, target, workspace);
  call.start = bias_.data();
  Dispatch(call, cores);
}

void PackedMatmul::RunOnto(int64_t rows, ConstRows source, Rows target,
                           Workspace& workspace, Cores::Lease* cores) const {
  simd::Matmul call = Call(rows, source, target, workspace);
  call.start = target.data;
  call.start_stride = target.stride;
  Dispatch(call, cores);
}

void PackedMatmul::Dispatch(const simd::Matmul& call,
                            Cores::Lease* cores) const {
  const auto matmul = precision_ == Precision::kFloat32
                          ? CpuOps().matmul
                          : CpuOps().matmul_bfloat16;
  if (cores == nullptr || outputs_ < kSharedOutputs ||
      inputs_ * outputs_ < kSharedWeights) {
    return matmul(call);
  }
  const int64_t parts = (call.end_panel + kPartPanels - 1) / kPartPanels;
  cores->ForEach(parts, [&](int64_t i) {
    simd::Matmul part = call;
    part.first_panel = i * kPartPanels;
    part.end_panel = std::min(call.end_panel, part.first_panel + kPartPanels);
    matmul(part);
  });
}

int64_t PackedMatmul::Bytes(int64_t outputs, int64_t inputs,
                            Precision precision) {
  return WeightBytes(outputs, inputs, precision) +
         outputs * int64_t{sizeof(float)};  // the bias
}

}  // namespace unroll
