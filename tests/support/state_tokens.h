#ifndef UNROLL_TESTS_SUPPORT_STATE_TOKENS_H_
#define UNROLL_TESTS_SUPPORT_STATE_TOKENS_H_

#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::testing {

// A line of a --state-key-file: 32 times the same byte.
inline std::string StateKeyLine(char fill) {
  return absl::Base64Escape(std::string(32, fill)) + "\n";
}

// The steps from `begin` to before `end` of a sequence by features or ids. Only
// the first of them keeps the initial state.
inline v1::Sequence Piece(const v1::Sequence& whole, int64_t begin,
                          int64_t end) {
  v1::Sequence piece;
  if (whole.has_features()) {
    const v1::Tensor& from = whole.features();
    const int64_t row = from.shape(1) * int64_t{sizeof(float)};
    v1::Tensor& to = *piece.mutable_features();
    to.set_data_type(v1::FLOAT32);
    to.add_shape(end - begin);
    to.add_shape(from.shape(1));
    to.set_data(from.data().substr(begin * row, (end - begin) * row));
  } else {
    const auto& ids = whole.token_ids().ids();
    piece.mutable_token_ids()->mutable_ids()->Add(ids.begin() + begin,
                                                  ids.begin() + end);
  }
  if (begin == 0 && whole.has_initial_state()) {
    *piece.mutable_initial_state() = whole.initial_state();
  }
  return piece;
}

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_STATE_TOKENS_H_
