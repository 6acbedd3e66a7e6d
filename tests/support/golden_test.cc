#include "tests/support/golden.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

#include "gmock/gmock.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/random_model.h"

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
      heads.insert({static_cast<int64_t>(c.head->activation()),
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

std::vector<float> ToFloat(const testing::Matrix& rows) {
  const std::vector<double> values = testing::Flatten(rows);
  return {values.begin(), values.end()};
}

// The equations in double over the weights made here: if the hash or the order
// of anything differed from Python's, these numbers would.
TEST_P(GoldenCaseTest, NumbersAreThoseOfTheEquations) {
  const Case& c = GetParam();
  const Spec& s = c.spec;
  const Model model = BuildModel(c);
  const testing::Matrix input =
      c.vocabulary_size > 0
          ? testing::NaiveEmbed(model, Tokens(c))
          : testing::ToMatrix(Features(c).values, s.input_size);
  const testing::NaiveResult got = testing::NaiveRnn(
      model, input, testing::ToMatrix(InitialState(c).values, s.hidden_size));
  const Outputs want = Expected(c);
  EXPECT_THAT(want.hidden.shape, ElementsAre(c.steps, s.hidden_width()));
  EXPECT_THAT(want.h_n.shape,
              ElementsAre(s.num_layers * s.directions, s.hidden_size));
  ExpectNear(ToFloat(got.hidden), want.hidden, "hidden");
  ExpectNear(ToFloat(got.h_n), want.h_n, "h_n");
  ASSERT_EQ(want.scores.has_value(), c.head.has_value());
  if (!c.head) return;
  EXPECT_EQ(want.scores->shape, c.head->applied_to == AppliedTo::kEachStep
                                    ? Shape({c.steps, c.head->classes()})
                                    : Shape({c.head->classes()}));
  ExpectNear(ToFloat(got.scores), *want.scores, "scores");
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
