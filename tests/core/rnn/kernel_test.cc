#include "core/rnn/kernel.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/random_model.h"

namespace unroll {
namespace {

using ::testing::Combine;
using ::testing::Values;
using unroll::testing::ExpectClose;
using unroll::testing::NaiveRnn;
using unroll::testing::RandomFloats;
using unroll::testing::RandomModel;
using unroll::testing::ToMatrix;

// A kernel is one layer in one direction. Against the naive one it runs packed
// sequences of these lengths; K and H need not be alike.
const std::vector<int64_t> kLengths = {3, 7, 1, 7, 4};

using Maker = absl::StatusOr<std::unique_ptr<const Kernel>> (*)(
    const LayerWeights&, Nonlinearity, const PrimitiveOptions&);

absl::StatusOr<std::unique_ptr<const Kernel>> MakeSplit(
    const LayerWeights& weights, Nonlinearity nonlinearity,
    const PrimitiveOptions&) {
  return MakeSplitKernel(weights, {.nonlinearity = nonlinearity});
}

class KernelTest
    : public ::testing::TestWithParam<std::tuple<Maker, Nonlinearity, Direction,
                                                 int64_t, int64_t, int64_t>> {};

TEST_P(KernelTest, AgreesWithTheNaiveOneForEverySequence) {
  const auto [make, nonlinearity, direction, k, h, gap] = GetParam();
  std::mt19937 generator(7);
  // Two directions in the model, so that the backward one can be told apart.
  Model model = RandomModel({.spec = {.input_size = k,
                                      .hidden_size = h,
                                      .num_layers = 1,
                                      .directions = 2,
                                      .nonlinearity = nonlinearity}},
                            generator);
  const bool backward = direction == Direction::kBackward;
  // Strides wider than the rows: a kernel must touch nothing in between.
  const int64_t input_stride = k + 3, output_stride = h + gap;
  auto kernel = make(model.weights.layers[backward], nonlinearity,
                     {.input_stride = input_stride,
                      .output_stride = output_stride,
                      .max_rows = static_cast<int64_t>(kLengths.size())});
  ASSERT_TRUE(kernel.ok()) << kernel.status();

  PackedLayout layout;
  layout.Reset(kLengths);
  const auto n = layout.sequences();
  const std::vector<float> input =
      RandomFloats(layout.rows() * input_stride, generator);
  std::vector<float> output(layout.rows() * output_stride, 42.0f);
  const std::vector<float> h_0 = RandomFloats(n * h, generator);
  std::vector<float> state = h_0;
  Workspace workspace;
  Cores::Lease lease(nullptr);
  ASSERT_TRUE(
      (*kernel)
          ->Run(layout, direction, {.rows = {input.data(), input_stride}},
                {output.data(), output_stride}, state.data(), workspace, lease)
          .ok());

  for (int64_t slot = 0; slot < n; ++slot) {
    std::vector<float> own_input, own_output;
    for (int64_t t = 0; t < kLengths[layout.sequence(slot)]; ++t) {
      const int64_t row = layout.row(slot, t);
      own_input.insert(own_input.end(), input.data() + row * input_stride,
                       input.data() + row * input_stride + k);
      own_output.insert(own_output.end(), output.data() + row * output_stride,
                        output.data() + row * output_stride + h);
      for (int64_t i = h; i < output_stride; ++i) {
        ASSERT_EQ(output[row * output_stride + i], 42.0f) << "between rows";
      }
    }
    const std::vector<float> own_h_0(h_0.begin() + slot * h,
                                     h_0.begin() + (slot + 1) * h);
    const auto want =
        NaiveRnn(model, ToMatrix(own_input, k),
                 ToMatrix(own_h_0, h).size() == 1
                     ? unroll::testing::Matrix(2, ToMatrix(own_h_0, h)[0])
                     : unroll::testing::Matrix());
    unroll::testing::Row want_output;
    for (const auto& row : want.hidden) {
      want_output.insert(want_output.end(), row.begin() + backward * h,
                         row.begin() + (backward + 1) * h);
    }
    ExpectClose(own_output, want_output, "output");
    ExpectClose(std::vector<float>(state.begin() + slot * h,
                                   state.begin() + (slot + 1) * h),
                want.h_n[backward], "state");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, KernelTest,
    Combine(Values(MakePrimitiveKernel, MakeSplit),
            Values(Nonlinearity::kTanh, Nonlinearity::kRelu),
            Values(Direction::kForward, Direction::kBackward),
            Values<int64_t>(1, 5, 64, 100), Values<int64_t>(1, 8, 33, 256),
            Values<int64_t>(0, 5)));

TEST(KernelMemoryTest, CountsAtLeastTheWeights) {
  std::mt19937 generator(7);
  const Model model = RandomModel(
      {.spec = {.input_size = 64, .hidden_size = 128, .num_layers = 1}},
      generator);
  for (const Maker make : {MakePrimitiveKernel, MakeSplit}) {
    const auto kernel =
        make(model.weights.layers[0], Nonlinearity::kTanh,
             {.input_stride = 64, .output_stride = 128, .max_rows = 2});
    ASSERT_TRUE(kernel.ok());
    EXPECT_GE((*kernel)->memory_bytes(), (64 * 128 + 128 * 128 + 128) * 4);
  }
}

}  // namespace
}  // namespace unroll
