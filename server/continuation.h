#ifndef UNROLL_SERVER_CONTINUATION_H_
#define UNROLL_SERVER_CONTINUATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

  // What a caller says of it.
  struct From {
    std::string_view state_token;  // empty: none
    bool has_initial_state = false;
    bool require_exact = false;
    int64_t steps_before = 0;  // without a token
  };
  // Reads the state token, if there is one, into `request`, which has all else.
  // `keys` is borrowed. The codes of unroll.v1.Sequence.state_token.
  static absl::StatusOr<Continuation> Begin(const From& from,
                                            const StateKeyRing& keys,
                                            SequenceRequest& request);
  // The same of a Sequence or LiveOpening.
  template <typename Message>
  static absl::StatusOr<Continuation> Begin(const Message& message,
                                            const StateKeyRing& keys,
                                            SequenceRequest& request) {
    return Begin(From{.state_token = message.state_token(),
                      .has_initial_state = message.has_initial_state(),
                      .require_exact = message.require_exact()},
                 keys, request);
  }

  // A token of the state after so many steps of this request. INTERNAL: OpenSSL
  // failed.
  absl::StatusOr<std::string> Token(std::span<const Tensor> state,
                                    int64_t steps) const;

  // Sets state_token (if `wants_token`), steps_done and exact of a
  // SequenceResult or StreamEnd.
  template <typename Message>
  absl::Status SetEnd(const SequenceEnd& end, bool wants_token,
                      Message& message) const {
    if (wants_token) {
      absl::StatusOr<std::string> token = Token(end.state, end.steps);
      if (!token.ok()) return token.status();
      message.set_state_token(*std::move(token));
    }
    if (wants_token || from_token_) {
      message.set_steps_done(steps_before_ + end.steps);
    }
    if (from_token_) message.set_exact(exact_);
    return absl::OkStatus();
  }

  // The steps that the sequence had done before this request.
  int64_t steps_before() const { return steps_before_; }
  // Whether the results are, bit for bit, those of the server that made the
  // token. Nothing: there was no token.
  std::optional<bool> exact() const {
    return from_token_ ? std::optional(exact_) : std::nullopt;
  }

 private:
  std::shared_ptr<const ServedModel> model_;  // shared with the sequence
  const StateKeyRing* keys_ = nullptr;
  int64_t steps_before_ = 0;  // of this request's first
  bool from_token_ = false;
  bool exact_ = false;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CONTINUATION_H_
