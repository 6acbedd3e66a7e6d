#ifndef UNROLL_CLIENT_COMMAND_LIVE_OUTPUT_H_
#define UNROLL_CLIENT_COMMAND_LIVE_OUTPUT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/command/terminal.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Shows a live sequence. Thread-safe.
class LiveOutput {
 public:
  virtual ~LiveOutput() = default;

  // A key was typed.
  virtual void OnKey(char) {}
  // What the next steps read (see LiveInput::Piece).
  virtual void OnSent(const std::vector<std::string>&) {}
  // Results, in their order. INVALID_ARGUMENT: a tensor's data does not match
  // its shape. CANCELLED: nobody reads the output any more.
  virtual absl::Status Add(v1::LiveResponse response) = 0;
};

// A line a step, or, where a person types, one line that changes; or an object
// a step. Borrows both. In `model`, the head is applied to each step.
std::unique_ptr<LiveOutput> MakeLiveTable(const v1::GetModelResponse& model,
                                          bool typed, Terminal& terminal);
std::unique_ptr<LiveOutput> MakeLiveJson(const v1::GetModelResponse& model,
                                         Terminal& terminal);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_LIVE_OUTPUT_H_
