#include "core/simd/ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
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
  if (CpuOps().isa >= Isa::kAvx512) isas.push_back(Isa::kAvx512);
  if (CpuHasBfloat16()) isas.push_back(Isa::kAvx512Bfloat16);
  return isas;
}

std::string NameOf(const ::testing::TestParamInfo<Isa>& info) {
  return info.param == Isa::kGeneric  ? "Generic"
         : info.param == Isa::kAvx2   ? "Avx2"
         : info.param == Isa::kAvx512 ? "Avx512"
                                      : "Avx512Bfloat16";
}

struct RandomMatmul;

class OpsTest : public ::testing::TestWithParam<Isa> {
 protected:
  RandomMatmul Draw(bool many_rows, float bound);
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

float NoDenormal(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value)
                                                : value;
}

// To nearest, ties to even.
float ToBfloat16(float value) {
  int exponent;
  const float mantissa = std::frexp(NoDenormal(value), &exponent);
  return NoDenormal(std::ldexp(std::nearbyint(mantissa * 256), exponent - 8));
}

// The same of w, rounded, as pairs.
AlignedFloats PackBfloat16(const std::vector<float>& w, int64_t inputs,
                           int64_t columns) {
  const int64_t pairs = (inputs + 1) / 2;
  AlignedFloats packed((columns + 15) / 16 * 16 * pairs);
  auto* halves = reinterpret_cast<uint16_t*>(packed.data);
  for (int64_t k = 0; k < inputs; ++k) {
    for (int64_t c = 0; c < columns; ++c) {
      halves[((c / 16 * pairs + k / 2) * 16 + c % 16) * 2 + k % 2] =
          static_cast<uint16_t>(
              std::bit_cast<uint32_t>(ToBfloat16(w[k * columns + c])) >> 16);
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

// The same for bfloat16, where a sum is a chain of pairs.
float Bfloat16Chain(const float* x, const std::vector<float>& w, int64_t inputs,
                    int64_t columns, int64_t column, float start) {
  float sum = start;
  const auto add = [&](int64_t k) {
    const float product_x = k < inputs ? ToBfloat16(x[k]) : 0.0f;
    const float product_w =
        k < inputs ? ToBfloat16(w[k * columns + column]) : 0.0f;
    sum = NoDenormal(std::fma(product_x, product_w, NoDenormal(sum)));
  };
  for (int64_t k = 0; k < inputs; k += 2) {
    add(k + 1);
    add(k);
  }
  return sum;
}

// A matmul of random sizes, on random numbers up to `bound`, into a larger y.
struct RandomMatmul {
  int64_t rows, inputs, columns, x_stride, y_stride;
  bool onto;  // y, or else bias
  std::vector<float> x, w, bias, before, y;

  float Start(int64_t row, int64_t column) const {
    return onto ? before[row * y_stride + column] : bias[column];
  }
  const float* Row(int64_t row) const { return x.data() + row * x_stride; }

  // Runs it, the columns in two goes that meet at panel `cut`.
  void Run(void (*matmul)(const Matmul&), const void* packed_x,
           int64_t packed_stride, const void* weights, int64_t cut) {
    Matmul m = {.rows = rows,
                .inputs = inputs,
                .columns = columns,
                .x = packed_x,
                .x_stride = packed_stride,
                .weights = weights,
                .start = onto ? y.data() : bias.data(),
                .start_stride = onto ? y_stride : 0,
                .y = y.data(),
                .y_stride = y_stride,
                .first_panel = cut,
                .end_panel = (columns + 15) / 16};
    matmul(m);
    m.first_panel = 0;
    m.end_panel = cut;
    matmul(m);
  }

  // want(row, column), and nothing else was touched.
  template <typename F>
  void Expect(const F& want) const {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < y_stride; ++c) {
        const int64_t i = r * y_stride + c;
        ASSERT_EQ(y[i], c < columns ? want(r, c) : before[i])
            << "row " << r << " of " << rows << ", column " << c << " of "
            << columns << ", K " << inputs;
      }
    }
  }
};

RandomMatmul OpsTest::Draw(bool many_rows, float bound) {
  RandomMatmul m;
  m.rows = 1 + Below(many_rows ? 70 : 20);
  m.inputs = 1 + Below(60);
  m.columns = 1 + Below(200);
  m.x_stride = m.inputs + Below(5);
  m.y_stride = m.columns + Below(5);
  m.onto = Below(2) == 0;
  m.x = Random(m.rows * m.x_stride, bound);
  m.w = Random(m.inputs * m.columns, bound);
  m.bias = Random(m.columns, bound * bound);
  m.y = m.before = Random(m.rows * m.y_stride, bound * bound);
  return m;
}

TEST_P(OpsTest, MatmulIsTheChainToTheBitAndTouchesNothingElse) {
  for (int round = 0; round < 200; ++round) {
    RandomMatmul m = Draw(round % 10 == 0, 1.0f);
    const AlignedFloats packed = Pack(m.w, m.inputs, m.columns);
    m.Run(ops().matmul, m.x.data(), m.x_stride, packed.data,
          Below((m.columns + 15) / 16 + 1));
    m.Expect([&](int64_t r, int64_t c) {
      return Chain(Fused(GetParam()), m.Row(r), m.w, m.inputs, m.columns, c,
                   m.Start(r, c));
    });
  }
}

TEST_P(OpsTest, Bfloat16MatmulIsTheChainOfPairsToTheBit) {
  EXPECT_EQ(ops().matmul_bfloat16 != nullptr,
            GetParam() == Isa::kAvx512Bfloat16);
  if (ops().matmul_bfloat16 == nullptr) return;
  for (int round = 0; round < 300; ++round) {
    // Some products and sums are denormal.
    RandomMatmul m = Draw(round % 10 == 0, round % 3 == 0 ? 2e-19f : 1.0f);
    const AlignedFloats packed = PackBfloat16(m.w, m.inputs, m.columns);
    const int64_t pairs = (m.inputs + 1) / 2;
    std::vector<uint32_t> x(m.rows * pairs);
    for (int64_t r = 0; r < m.rows; ++r) {
      ops().round_to_bfloat16(m.Row(r), m.inputs, x.data() + r * pairs);
    }
    m.Run(ops().matmul_bfloat16, x.data(), pairs, packed.data,
          Below((m.columns + 15) / 16 + 1));
    m.Expect([&](int64_t r, int64_t c) {
      return Bfloat16Chain(m.Row(r), m.w, m.inputs, m.columns, c,
                           m.Start(r, c));
    });
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
