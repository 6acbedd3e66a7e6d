#ifndef UNROLL_TESTS_SUPPORT_NAIVE_RNN_H_
#define UNROLL_TESTS_SUPPORT_NAIVE_RNN_H_

#include <vector>

#include "core/model/model.h"

namespace unroll::testing {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

// The equations of torch.nn.RNN in float64, written for reading: the second
// opinion on every kernel.
struct NaiveResult {
  Matrix hidden;  // [T, D*H]
  Matrix h_n;     // [L*D, H]
  Matrix scores;  // [T, C], or [1, C] for a head that is applied once
};

// `input` is [T, I]; `h_0` is [L*D, H], or empty for zeros.
NaiveResult NaiveRnn(const Model& model, const Matrix& input,
                     const Matrix& h_0 = {});

// The embedding's rows of some tokens, [T, I].
Matrix NaiveEmbed(const Model& model, const std::vector<int32_t>& tokens);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_NAIVE_RNN_H_
