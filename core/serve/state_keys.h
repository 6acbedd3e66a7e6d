#ifndef UNROLL_CORE_SERVE_STATE_KEYS_H_
#define UNROLL_CORE_SERVE_STATE_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace unroll {

// The secrets that state tokens are signed with: the first signs, all verify.
// Immutable; thread-safe.
//
// A signed token, its numbers little-endian:
//   4 bytes   "uRst"
//   uint32    format: 1
//   uint32    n, the bytes of the body
//   8 bytes   the key's id, the first of HMAC-SHA256(key, "unroll state key")
//   n bytes   body; see state_token.h
//   32 bytes  HMAC-SHA256(key, all of it before)
// It is signed, not encrypted: who has it can read the state.
class StateKeys {
 public:
  // A key a line, 32 to 1024 bytes in base64. Empty lines and those that begin
  // with # are skipped. INVALID_ARGUMENT: `where` and the line in front; a key
  // is never told.
  static absl::StatusOr<StateKeys> Parse(std::string_view text,
                                         std::string_view where);
  // One new key. INTERNAL: the system gives no random bytes.
  static absl::StatusOr<StateKeys> Random();

  // INTERNAL: OpenSSL failed. REQUIRES: body.size() < 2^31.
  absl::StatusOr<std::string> Sign(std::string_view body) const;

  // The body of a token that one of the keys signed, a part of `token`.
  // INVALID_ARGUMENT: no token, cut short, too long or changed.
  // FAILED_PRECONDITION: another server may take it: its format is newer, or
  // its key is not among these.
  absl::StatusOr<std::string_view> Verify(std::string_view token) const;

  int count() const { return static_cast<int>(keys_.size()); }

  // What signing adds to a body, in bytes.
  static constexpr size_t kOverhead = 4 + 4 + 4 + 8 + 32;

 private:
  struct Key {
    std::string secret;
    std::string id;  // 8 bytes
  };

  StateKeys() = default;
  absl::Status Add(std::string secret);

  std::vector<Key> keys_;  // never empty
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_STATE_KEYS_H_
