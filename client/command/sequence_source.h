#ifndef UNROLL_CLIENT_COMMAND_SEQUENCE_SOURCE_H_
#define UNROLL_CLIENT_COMMAND_SEQUENCE_SOURCE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/command/flags.h"
#include "client/command/terminal.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

struct NamedSequence {
  std::string name;  // for people: the file, the text, "line 3"
  v1::Sequence sequence;
};

// A .npy file as a sequence's input. Errors begin with the file's name.
absl::StatusOr<v1::Sequence> ReadSequence(const std::string& path);

// The sequences that the flags name: first files, then texts; or, without
// either, the lines of standard input, as text, token ids or rows, whichever
// `model` takes.
class SequenceSource {
 public:
  // Borrows all three. Reads the initial state or state token.
  static absl::StatusOr<SequenceSource> Open(const InputFlags& flags,
                                             const v1::GetModelResponse& model,
                                             Terminal& terminal);

  // The next sequence; nothing at the end. Waits for a line of standard input.
  absl::StatusOr<std::optional<NamedSequence>> Next();

 private:
  SequenceSource(const InputFlags& flags, const v1::GetModelResponse& model,
                 Terminal& terminal)
      : flags_(flags), model_(model), terminal_(terminal) {}

  absl::StatusOr<NamedSequence> FromFlags();
  absl::StatusOr<std::optional<NamedSequence>> FromLine();

  const InputFlags& flags_;
  const v1::GetModelResponse& model_;
  Terminal& terminal_;
  std::optional<v1::State> initial_state_;
  std::string state_token_;  // "": none
  size_t taken_ = 0;         // files, texts or lines
};

// All of them. INVALID_ARGUMENT: there are none.
absl::StatusOr<std::vector<NamedSequence>> ReadAll(SequenceSource& source);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_SEQUENCE_SOURCE_H_
