#ifndef UNROLL_CLIENT_COMMAND_LIVE_INPUT_H_
#define UNROLL_CLIENT_COMMAND_LIVE_INPUT_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// What a live sequence of `model` gets, as it comes: text by the character or
// word, as the model reads it, otherwise lines of token ids or rows.
class LiveInput {
 public:
  struct Piece {
    v1::LiveRequest request;
    std::vector<std::string> shown;  // for each step; [] for features
  };

  // Borrows both. `on_key` is told of every character of text when it is read.
  LiveInput(const v1::GetModelResponse& model, std::istream& in,
            std::function<void(char)> on_key);

  // Waits for the next piece; nothing at the end. INVALID_ARGUMENT: a line that
  // cannot be read (says which).
  absl::StatusOr<std::optional<Piece>> Next();

 private:
  std::optional<char> Key();
  std::string Character();
  std::string Word();
  absl::StatusOr<std::optional<Piece>> Line();

  const v1::GetModelResponse& model_;
  const bool words_;
  std::istream& in_;
  const std::function<void(char)> on_key_;
  int64_t lines_ = 0;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_LIVE_INPUT_H_
