#ifndef UNROLL_CORE_LOAD_TENSOR_ROLES_H_
#define UNROLL_CORE_LOAD_TENSOR_ROLES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/load/config.h"
#include "core/load/ignore.h"
#include "core/load/rnn_tensors.h"

namespace unroll {

// What each tensor of a model is, by name.
struct TensorRoles {
  struct Linear {
    std::string weight;
    std::string bias;  // empty without one
    int64_t width = 0;
  };

  RnnTensors rnn;
  std::string embedding;              // empty without one
  int64_t vocabulary_size = 0;        // V, 0 without an embedding
  std::vector<Linear> head;           // none without a head
  std::string input_mean, input_std;  // [I]; empty without one

  // C, 0 without a head.
  int64_t classes() const { return head.empty() ? 0 : head.back().width; }
};

// Finds nn.RNN, embedding and head, by names and shapes and what `config` says
// of "tensors" and of "head"'s "layers". Every kept tensor is used: a network
// that is served in part gives wrong numbers in silence. Nothing is guessed:
//
// - The head is the one `<prefix>weight` [C, D*H], with or without a bias [C].
//   [I, D*H] may be a Linear in front of the nn.RNN, too: only a name that says
//   "head" makes it one. A head of several Linears has to be configured, as
//   nothing tells the activations between them.
// - The embedding is the one `<prefix>weight` [V, I] without a bias. A Linear
//   behind the head or beside it looks the same: a name that says so ("fc",
//   "skip") is never taken, one that says nothing only beside a clear head.
// - A tensor that could be either (I = D*H and no bias), or is [I, I], needs a
//   name that says which ("emb", "head", ...: see module_hint.cc).
// - One tensor is both (tied) if "embedding" and "head" in config.json name it,
//   or if "embedding" does and its name says "head".
// - What normalises the input has to be configured.
//
// Ignored tensors are out of all this, but may not be part of what is used.
// `where` names the weights file in messages.
// INVALID_ARGUMENT: as FindRnn; no or more than one tensor fits (candidates are
// listed, and the key that settles it), a wrong shape, leftovers, an ignored
// part of something that is used. UNIMPLEMENTED: as FindRnn.
absl::StatusOr<TensorRoles> AssignRoles(const SplitTensors& tensors,
                                        const Config& config,
                                        std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_TENSOR_ROLES_H_
