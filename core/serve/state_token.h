#ifndef UNROLL_CORE_SERVE_STATE_TOKEN_H_
#define UNROLL_CORE_SERVE_STATE_TOKEN_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/serve/served_model.h"
#include "core/serve/state_keys.h"

namespace unroll {

// A sequence's state with all that another server has to know to go on from it.
struct StateToken {
  std::string model;
  int64_t version = 0;
  std::string fingerprint;
  std::string numerics;    // of the network that ran it: Network::numerics
  int64_t steps_done = 0;  // since the sequence began
  std::vector<NamedTensor> state;  // in StateSpec's order
};

// Its bytes, to be signed. Numbers are little-endian; a text is its size
// (uint32) and its bytes:
//   text    model
//   int64   version
//   text    fingerprint, numerics
//   int64   steps_done
//   uint32  the number of tensors, and of each
//     text    name
//     uint32  dimensions, and as many int64
//     float32 as many as the product of the dimensions
std::string SerializeStateToken(const StateToken& token);

// INVALID_ARGUMENT: anything else. Takes memory only for what is there.
absl::StatusOr<StateToken> ParseStateToken(std::string_view body);

// The state of a sequence of `model` after steps_done steps, signed. INTERNAL:
// OpenSSL failed.
absl::StatusOr<std::string> MakeStateToken(const ServedModel& model,
                                           std::span<const Tensor> state,
                                           int64_t steps_done,
                                           const StateKeys& keys);

// About how long MakeStateToken's is, and not less.
int64_t StateTokenBytes(const ServedModel& model);

// Reads a signed token that a sequence of `model` can go on from. Any version
// of the same weights will do. The codes of StateKeys::Verify, and
//   INVALID_ARGUMENT     it is of another model, by name; the model runs
//                        backward, so that nothing can go on from its state
//   FAILED_PRECONDITION  it is of other weights (fingerprint)
absl::StatusOr<StateToken> OpenStateToken(std::string_view bytes,
                                          const ServedModel& model,
                                          const StateKeys& keys);

// Whether `model` goes on from the token bit for bit.
bool ContinuesExactly(const StateToken& token, const ServedModel& model);

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_STATE_TOKEN_H_
