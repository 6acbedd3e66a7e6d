#ifndef UNROLL_SERVER_CONTINUATION_H_
#define UNROLL_SERVER_CONTINUATION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/serve/sequence.h"
#include "server/state_key_ring.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// What one sequence goes on from, and the state tokens that it gives to be gone
// on from. Constant once made.
class Continuation {
 public:
  Continuation() = default;  // to be assigned to

  // Reads the sequence's state token, if there is one, into `request`, which
  // has all else. `keys` is borrowed. The codes of Sequence.state_token.
  static absl::StatusOr<Continuation> Begin(const v1::Sequence& sequence,
                                            const StateKeyRing& keys,
                                            SequenceRequest& request);

  // A token of the state after so many steps of this request. INTERNAL: OpenSSL
  // failed.
  absl::StatusOr<std::string> Token(std::span<const Tensor> state,
                                    int64_t steps) const;

  // Sets state_token (if `wants_token`), steps_done and exact of a
  // SequenceResult or StreamEnd, with the state after the last step.
  template <typename Message>
  absl::Status SetEnd(std::span<const Tensor> state, bool wants_token,
                      Message& message) const {
    if (wants_token) {
      absl::StatusOr<std::string> token = Token(state, steps_);
      if (!token.ok()) return token.status();
      message.set_state_token(*std::move(token));
    }
    if (wants_token || from_token_) {
      message.set_steps_done(steps_before_ + steps_);
    }
    if (from_token_) message.set_exact(exact_);
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<const ServedModel> model_;  // shared with the sequence
  const StateKeyRing* keys_ = nullptr;
  int64_t steps_ = 0;         // of this request
  int64_t steps_before_ = 0;  // of those before it
  bool from_token_ = false;
  bool exact_ = false;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CONTINUATION_H_
