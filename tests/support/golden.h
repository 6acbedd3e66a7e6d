#ifndef UNROLL_TESTS_SUPPORT_GOLDEN_H_
#define UNROLL_TESTS_SUPPORT_GOLDEN_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/model.h"
#include "core/model/spec.h"
#include "core/model/tensor.h"
#include "gtest/gtest.h"

// Small networks with the numbers that PyTorch gives for them in float64.
// tests/data/make_golden.py wrote the numbers; weights and inputs are made here
// from the same integer hash. Whatever cannot be read aborts the test program.
namespace unroll::golden {

struct Case {
  std::string name;  // [a-z0-9_]+: fits test and model names
  uint64_t id = 0;   // what its weights and inputs are hashed from
  Spec spec;
  int64_t steps = 0;            // T
  int64_t vocabulary_size = 0;  // V; 0: the input is features
  bool has_initial_state = false;
  std::optional<HeadSpec> head;
  bool head_has_bias = false;
};

// What PyTorch said, or what was got, with its shape.
struct Array {
  Shape shape;
  std::vector<double> values;
};

struct Outputs {
  Array hidden;                 // [T, D*H]
  Array h_n;                    // [L*D, H]
  std::optional<Array> scores;  // [T, C] on each step, else [C]
};

// All of golden.json, in its order. Read once; thread-safe.
const std::vector<Case>& Cases();
// Those that need not run whole.
std::vector<Case> ForwardCases();
// REQUIRES: there is a case of that name.
const Case& FindCase(std::string_view name);

// The case's tensors under the names of a state_dict: `embedding.weight`,
// `rnn.weight_ih_l0`, ..., `head.weight`, `head.bias`.
std::vector<NamedTensor> StateDict(const Case& c);
// The same as a loaded model, without going through files. Its name is the
// case's, its version 1.
Model BuildModel(const Case& c);
// Writes `directory`/model.safetensors (F32) and `directory`/config.json, so
// that the directory's parent is a model repository. Makes the directory.
void WriteModelFolder(const Case& c, const std::string& directory);

// The input: [T, I], empty with an embedding, or [T], empty without one.
Tensor Features(const Case& c);
std::vector<int32_t> Tokens(const Case& c);
// [L*D, H]; zeros without an initial state.
Tensor InitialState(const Case& c);

Outputs Expected(const Case& c);

// Whether |got - want| <= 1e-5 * max(1, |want|) everywhere; if not, the first
// place where it is not:  EXPECT_TRUE(IsNear(got, want.hidden));
::testing::AssertionResult IsNear(std::span<const float> got,
                                  const Array& want);
// As an EXPECT, with `what` in the message.
void ExpectNear(std::span<const float> got, const Array& want,
                std::string_view what);

// Element `index` of a tensor of a case, in [-bound, bound).
// REQUIRES: `bound` is a power of two, so that the result is exact.
float HashedValue(uint64_t case_id, uint64_t tensor_id, uint64_t index,
                  float bound);

// So that a parameterised test's failures show the name; NameOf is for
// INSTANTIATE_TEST_SUITE_P(All, SomeTest, ValuesIn(Cases()), NameOf).
inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
inline std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

}  // namespace unroll::golden

#endif  // UNROLL_TESTS_SUPPORT_GOLDEN_H_
