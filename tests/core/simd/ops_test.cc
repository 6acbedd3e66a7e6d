#include "core/simd/ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/rnn/cpu.h"

namespace unroll::simd {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// All that this CPU runs, ONEDNN_MAX_CPU_ISA heeded.
std::vector<Isa> Isas() {
  std::vector<Isa> isas = {Isa::kGeneric};
  if (CpuOps().isa != Isa::kGeneric) isas.push_back(Isa::kAvx2);
  if (CpuOps().isa == Isa::kAvx512) isas.push_back(Isa::kAvx512);
  return isas;
}

std::string NameOf(const ::testing::TestParamInfo<Isa>& info) {
  return info.param == Isa::kGeneric ? "Generic"
         : info.param == Isa::kAvx2  ? "Avx2"
                                     : "Avx512";
}

class OpsTest : public ::testing::TestWithParam<Isa> {
 protected:
  std::vector<float> Random(int64_t count, float bound = 1.0f) {
    std::uniform_real_distribution<float> distribution(-bound, bound);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(generator_);
    return values;
  }
  int64_t Below(int64_t end) { return generator_() % end; }
  const Ops& ops() const { return OpsFor(GetParam()); }

  std::mt19937 generator_{17};
};

struct AlignedFloats {
  explicit AlignedFloats(int64_t count) : storage(count + 16, 0.0f) {
    const auto address = reinterpret_cast<uintptr_t>(storage.data());
    data = storage.data() + (64 - address % 64) % 64 / sizeof(float);
  }
  std::vector<float> storage;
  float* data;
};

// The panels of w [inputs, columns].
AlignedFloats Pack(const std::vector<float>& w, int64_t inputs,
                   int64_t columns) {
  AlignedFloats packed((columns + 15) / 16 * 16 * inputs);
  for (int64_t k = 0; k < inputs; ++k) {
    for (int64_t c = 0; c < columns; ++c) {
      packed.data[(c / 16 * inputs + k) * 16 + c % 16] = w[k * columns + c];
    }
  }
  return packed;
}

// The same as pairs of bfloat16. REQUIRES: w has no more bits than that.
AlignedFloats PackBfloat16(const std::vector<float>& w, int64_t inputs,
                           int64_t columns) {
  const int64_t pairs = (inputs + 1) / 2;
  AlignedFloats packed((columns + 15) / 16 * 16 * pairs);
  auto* halves = reinterpret_cast<uint16_t*>(packed.data);
  for (int64_t k = 0; k < inputs; ++k) {
    for (int64_t c = 0; c < columns; ++c) {
      uint32_t bits;
      std::memcpy(&bits, &w[k * columns + c], sizeof bits);
      halves[((c / 16 * pairs + k / 2) * 16 + c % 16) * 2 + k % 2] =
          static_cast<uint16_t>(bits >> 16);
    }
  }
  return packed;
}

// The chain of ops.h, as it is written there.
float Chain(bool fused, const float* x, const std::vector<float>& w,
            int64_t inputs, int64_t columns, int64_t column, float start) {
  float sum = start;
  for (int64_t k = 0; k < inputs; ++k) {
    const float weight = w[k * columns + column];
    if (fused) {
      sum = std::fma(x[k], weight, sum);
    } else {
      volatile float product = x[k] * weight;  // rounded
      sum = product + sum;
    }
  }
  return sum;
}

TEST_P(OpsTest, MatmulIsTheChainToTheBitAndTouchesNothingElse) {
  for (int round = 0; round < 300; ++round) {
    const int64_t rows = 1 + Below(round % 10 == 0 ? 70 : 20);
    const int64_t inputs = 1 + Below(60), columns = 1 + Below(200);
    const int64_t x_stride = inputs + Below(5), y_stride = columns + Below(5);
    const bool bfloat16 = round % 2 == 1, onto = round % 3 == 1;
    const std::vector<float> x = Random(rows * x_stride);
    std::vector<float> w = Random(inputs * columns);
    if (bfloat16) {
      for (float& value : w) value = std::round(value * 64) / 64;
    }
    const AlignedFloats packed =
        bfloat16 ? PackBfloat16(w, inputs, columns) : Pack(w, inputs, columns);
    const std::vector<float> bias = Random(columns);
    const std::vector<float> before = Random(rows * y_stride);
    std::vector<float> y = before;
    // The columns in two goes, cut at any panel.
    const int64_t panels = (columns + 15) / 16, cut = Below(panels + 1);
    Matmul m = {
        .rows = rows,
        .inputs = inputs,
        .columns = columns,
        .x = x.data(),
        .x_stride = x_stride,
        .weight_type = bfloat16 ? WeightType::kBfloat16 : WeightType::kFloat32,
        .weights = packed.data,
        .start = onto ? y.data() : bias.data(),
        .start_stride = onto ? y_stride : 0,
        .y = y.data(),
        .y_stride = y_stride,
        .first_panel = cut,
        .end_panel = panels};
    ops().matmul(m);
    m.first_panel = 0;
    m.end_panel = cut;
    ops().matmul(m);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < y_stride; ++c) {
        const float was = before[r * y_stride + c];
        const float want =
            c >= columns ? was
                         : Chain(Fused(GetParam()), x.data() + r * x_stride, w,
                                 inputs, columns, c, onto ? was : bias[c]);
        ASSERT_EQ(y[r * y_stride + c], want)
            << "row " << r << " of " << rows << ", column " << c << " of "
            << columns << ", K " << inputs << (bfloat16 ? ", bfloat16" : "");
      }
    }
  }
}

// f of many values, through a matmul that adds nothing.
std::vector<float> Map(const Ops& ops, Function function,
                       std::vector<float> values) {
  const AlignedFloats weights(static_cast<int64_t>(values.size()) + 16);
  const float zero = 0.0f;
  ops.matmul({.rows = 1,
              .inputs = 1,
              .columns = std::ssize(values),
              .x = &zero,
              .x_stride = 1,
              .weights = weights.data,
              .start = values.data(),
              .start_stride = std::ssize(values),
              .y = values.data(),
              .y_stride = std::ssize(values),
              .function = function,
              .end_panel = (std::ssize(values) + 15) / 16});
  return values;
}

TEST_P(OpsTest, FunctionsAreCloseToFloat64AndTheSameOnEveryInstructionSet) {
  std::vector<float> values = Random(4000, 12.0f);
  for (float scale = 1.0f; scale > 1e-30f; scale /= 4) {
    values.push_back(scale);
    values.push_back(-scale);
  }
  values.insert(values.end(), {0.0f, -0.0f, 100.0f, -100.0f, 1e30f, -1e30f,
                               kInfinity, -kInfinity, -87.5f, 8.0f});
  for (const Function function :
       {Function::kTanh, Function::kRelu, Function::kSigmoid}) {
    const std::vector<float> got = Map(ops(), function, values);
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = values[i];
      const double want = function == Function::kTanh ? std::tanh(x)
                          : function == Function::kRelu
                              ? std::max(0.0, x)
                              : 1 / (1 + std::exp(-x));
      EXPECT_TRUE(got[i] == want || std::abs(got[i] - want) <= 4e-7)
          << "f(" << x << ") is " << got[i] << ", expected " << want;
      EXPECT_TRUE(function == Function::kRelu || std::abs(got[i]) <= 1.0f);
    }
    if (Fused(GetParam())) {
      EXPECT_EQ(got, Map(CpuOps(), function, values));
    }
    EXPECT_TRUE(std::isnan(Map(ops(), function, {1.0f, kNan})[1]));
  }
}

TEST_P(OpsTest, SoftmaxIsCloseToFloat64AndTheSameOnEveryInstructionSet) {
  for (const int64_t count : {1, 2, 15, 16, 17, 31, 33, 100, 1000}) {
    for (const float bound : {1.0f, 30.0f, 300.0f}) {
      const std::vector<float> row = Random(count, bound);
      const double max = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (const float x : row) sum += std::exp(x - max);
      for (const bool logarithm : {false, true}) {
        std::vector<float> got = row;
        ops().softmax(got.data(), count, logarithm);
        for (int64_t i = 0; i < count; ++i) {
          const double want = logarithm ? row[i] - max - std::log(sum)
                                        : std::exp(row[i] - max) / sum;
          EXPECT_NEAR(got[i], want, 1e-6 * std::max(1.0, std::abs(want)))
              << i << " of " << count;
        }
        if (Fused(GetParam())) {
          std::vector<float> same = row;
          CpuOps().softmax(same.data(), count, logarithm);
          EXPECT_EQ(got, same);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, OpsTest, ::testing::ValuesIn(Isas()), NameOf);

}  // namespace
}  // namespace unroll::simd
