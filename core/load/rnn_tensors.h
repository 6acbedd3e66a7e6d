#ifndef UNROLL_CORE_LOAD_RNN_TENSORS_H_
#define UNROLL_CORE_LOAD_RNN_TENSORS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/model/spec.h"
#include "core/model/tensor.h"

namespace unroll {

// The prefix of a name that torch.nn.RNN, GRU and LSTM give their tensors,
// <prefix>weight_ih_l<k>[_reverse], or nn.RNNCell and the like, without _l<k>;
// and with weight_hh, bias_ih, bias_hh and weight_hr. Nothing for other names.
std::optional<std::string_view> RnnPrefix(std::string_view name);

// The tensors of one nn.RNN or nn.RNNCell, or of several that are stacked, by
// name, and what their shapes say.
struct RnnTensors {
  struct Layer {
    std::string weight_ih, weight_hh;
    std::string bias_ih, bias_hh;  // empty without bias
  };

  std::vector<std::string> prefixes;  // "rnn.", or "" for a bare nn.RNN
  Spec spec;                  // all but the nonlinearity, which they do not say
  std::vector<Layer> layers;  // [L*D]: layer-major, forward first
};

// Finds the nn.RNN among `tensors`. `prefixes` says which, if there are more
// than one: several are stacked, each reading the one before; none: not said.
// All tensors with these prefixes that RnnPrefix knows are then in the result.
// `where` names the file in messages.
// INVALID_ARGUMENT: there is none or more than one, a tensor is missing (a
// layer in between, a direction, a bias) or has a wrong shape, stacked ones do
// not fit; UNIMPLEMENTED: it is a GRU or an LSTM, or stacked ones differ in H
// or D.
absl::StatusOr<RnnTensors> FindRnn(const std::vector<NamedShape>& tensors,
                                   const std::vector<std::string>& prefixes,
                                   std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_RNN_TENSORS_H_
