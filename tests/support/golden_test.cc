#include "tests/support/golden.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

#include "gmock/gmock.h"

namespace unroll::golden {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The numbers are what make_golden.py's `values` and `hashes` return.
TEST(GoldenTest, HashedValuesAreThoseOfPython) {
  EXPECT_EQ(HashedValue(0, 0, 0, 1.0f), (0xe220a8 - 0x800000) / 8388608.0f);
  EXPECT_EQ(HashedValue(0, 0, 2, 1.0f), (0x975835 - 0x800000) / 8388608.0f);
  EXPECT_EQ(HashedValue(98, 17, 1, 1.0f), (0x60f1c4 - 0x800000) / 8388608.0f);
  EXPECT_EQ(HashedValue(3, 16, 2, 0.25f), -0.13145750761032104);
}

TEST(GoldenTest, CasesCoverWhatIsPromised) {
  std::set<std::string> names;
  std::set<std::array<int64_t, 5>> rnns;
  std::set<std::array<int64_t, 4>> heads;
  std::set<std::array<int64_t, 2>> sizes;
  for (const Case& c : Cases()) {
    names.insert(c.name);
    const Spec& s = c.spec;
    if (c.head) {
      heads.insert({static_cast<int64_t>(c.head->activation),
                    static_cast<int64_t>(c.head->applied_to), c.head_has_bias,
                    s.directions});
    } else if (c.vocabulary_size == 0) {
      rnns.insert({static_cast<int64_t>(s.nonlinearity), s.num_layers,
                   s.directions, s.bias, c.has_initial_state});
      sizes.insert({s.input_size, s.hidden_size});
    }
  }
  EXPECT_EQ(names.size(), Cases().size());
  EXPECT_EQ(rnns.size(), 2 * 3 * 2 * 2 * 2);
  EXPECT_EQ(sizes.size(), 7 * 7);
  EXPECT_EQ(heads.size(), 6 * 3 * 2 * 2);
}

class GoldenCaseTest : public ::testing::TestWithParam<Case> {};

// W x, [rows of W].
std::vector<double> Multiply(const Tensor& w, std::span<const double> x) {
  std::vector<double> y(w.shape[0]);
  for (size_t i = 0; i < y.size(); ++i) {
    for (size_t j = 0; j < x.size(); ++j) {
      y[i] += w.values[i * x.size() + j] * x[j];
    }
  }
  return y;
}

// [T, I]: the features, or the embedding's rows.
std::vector<double> Input(const Case& c, const Model& model) {
  const std::vector<float> features = Features(c).values;
  std::vector<double> x(features.begin(), features.end());
  for (int32_t token : Tokens(c)) {
    const auto row =
        model.weights.embedding.values.begin() + token * c.spec.input_size;
    x.insert(x.end(), row, row + c.spec.input_size);
  }
  return x;
}

// One layer in one direction: reads x [T, K], writes y [T, D*H] from column
// `first` on, and returns the final state [H].
std::vector<double> RunLayer(const Case& c, const LayerWeights& w,
                             std::span<const double> x, bool backward,
                             std::vector<double> state, int64_t first,
                             std::vector<double>& y) {
  const int64_t k = w.weight_ih.shape[1];
  for (int64_t i = 0; i < c.steps; ++i) {
    const int64_t t = backward ? c.steps - 1 - i : i;
    const auto from_x = Multiply(w.weight_ih, x.subspan(t * k, k));
    const auto from_h = Multiply(w.weight_hh, state);
    for (int64_t j = 0; j < c.spec.hidden_size; ++j) {
      double sum = from_x[j] + from_h[j];
      if (c.spec.bias) sum += double{w.bias_ih.values[j]} + w.bias_hh.values[j];
      state[j] = c.spec.nonlinearity == Nonlinearity::kTanh
                     ? std::tanh(sum)
                     : std::max(0.0, sum);
      y[t * c.spec.hidden_width() + first + j] = state[j];
    }
  }
  return state;
}

// The equations in double over the weights made here: if the hash or the order
// of anything differed from Python's, these numbers would. Returns hidden.
std::vector<double> RunNaively(const Case& c, const Model& model,
                               std::vector<double>& h_n) {
  const int64_t h = c.spec.hidden_size;
  const std::vector<float> initial = InitialState(c).values;
  std::vector<double> x = Input(c, model);
  for (int64_t layer = 0; layer < c.spec.num_layers; ++layer) {
    std::vector<double> y(c.steps * c.spec.hidden_width());
    for (int64_t d = 0; d < c.spec.directions; ++d) {
      const int64_t n = layer * c.spec.directions + d;
      const auto state = RunLayer(
          c, model.weights.layers[n], x, d == 1,
          {initial.begin() + n * h, initial.begin() + (n + 1) * h}, d * h, y);
      h_n.insert(h_n.end(), state.begin(), state.end());
    }
    x = std::move(y);
  }
  return x;
}

std::vector<float> ToFloat(std::span<const double> values) {
  return {values.begin(), values.end()};
}

TEST_P(GoldenCaseTest, NumbersAreThoseOfTheEquations) {
  const Case& c = GetParam();
  const Spec& s = c.spec;
  const Outputs want = Expected(c);
  EXPECT_THAT(want.hidden.shape, ElementsAre(c.steps, s.hidden_width()));
  EXPECT_THAT(want.h_n.shape,
              ElementsAre(s.num_layers * s.directions, s.hidden_size));
  std::vector<double> h_n;
  const Model model = BuildModel(c);
  const std::vector<double> hidden = RunNaively(c, model, h_n);
  ExpectNear(ToFloat(hidden), want.hidden, "hidden");
  ExpectNear(ToFloat(h_n), want.h_n, "h_n");
  ASSERT_EQ(want.scores.has_value(), c.head.has_value());
  if (!c.head) return;
  const bool each_step = c.head->applied_to == AppliedTo::kEachStep;
  EXPECT_EQ(want.scores->shape, each_step ? Shape({c.steps, c.head->classes})
                                          : Shape({c.head->classes}));
  if (c.head->activation != Activation::kIdentity) return;
  // The first row that the head reads.
  const auto row = c.head->applied_to == AppliedTo::kFinalState
                       ? std::span<const double>(h_n).last(s.hidden_width())
                   : each_step
                       ? std::span<const double>(hidden).first(s.hidden_width())
                       : std::span<const double>(hidden).last(s.hidden_width());
  std::vector<double> scores = Multiply(model.weights.head.weight, row);
  for (size_t i = 0; i < scores.size() && c.head_has_bias; ++i) {
    scores[i] += model.weights.head.bias.values[i];
  }
  const auto first = want.scores->values.begin();
  ExpectNear(ToFloat(scores),
             {{c.head->classes}, {first, first + c.head->classes}}, "scores");
}

INSTANTIATE_TEST_SUITE_P(All, GoldenCaseTest, ::testing::ValuesIn(Cases()),
                         NameOf);

TEST(GoldenTest, ModelFolderHoldsTheStateDict) {
  const Case& c = FindCase("tanh_h_n_d2_bias_c5_v7_h5");
  const std::string directory = ::testing::TempDir() + "golden_folder";
  WriteModelFolder(c, directory);
  int64_t numbers = 0;
  for (const NamedTensor& tensor : StateDict(c)) {
    numbers += static_cast<int64_t>(tensor.tensor.values.size());
  }
  std::ifstream file(directory + "/model.safetensors", std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  uint64_t header = 0;
  std::memcpy(&header, content.data(), sizeof(header));
  EXPECT_EQ(content.size(), sizeof(header) + header + 4 * numbers);
  EXPECT_THAT(content, HasSubstr("\"head.bias\":{\"dtype\":\"F32\","
                                 "\"shape\":[5]"));
  std::filesystem::remove_all(directory);
}

TEST(GoldenTest, IsNearNamesTheFirstMismatch) {
  const Array want = {{2, 2}, {0.0, 1.0, 1000.0, -1.0}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(IsNear(std::vector<float>{1e-5f, 1, 1000.009f, -1}, want));
  EXPECT_FALSE(IsNear(std::vector<float>{1.1e-5f, 1, 1000, -1}, want));
  EXPECT_FALSE(IsNear(std::vector<float>{0, 1, 1000}, want));
  EXPECT_FALSE(IsNear(std::vector<float>{0, 1, 1000, nan}, want));
  EXPECT_THAT(IsNear(std::vector<float>{0, 1, 1000.5f, nan}, want).message(),
              HasSubstr("element [1,0] of [2,2]: 1000.5, expected 1000"));
}

}  // namespace
}  // namespace unroll::golden
