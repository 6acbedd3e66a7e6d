#ifndef UNROLL_CLIENT_COMMAND_STEP_OUTPUT_H_
#define UNROLL_CLIENT_COMMAND_STEP_OUTPUT_H_

#include <memory>

#include "absl/status/status.h"
#include "client/command/sequence_source.h"
#include "client/command/terminal.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Shows the messages of one stream as they arrive.
class StepOutput {
 public:
  virtual ~StepOutput() = default;

  // The messages in their order. Each line is flushed.
  // INVALID_ARGUMENT: a tensor's data does not match its shape.
  // CANCELLED: nobody reads the output any more.
  virtual absl::Status Add(const v1::PredictStreamResponse& message) = 0;
};

// All arguments are borrowed.

// A line a step, then the scores of a head that is applied once, and the final
// state if it was asked for.
std::unique_ptr<StepOutput> MakeTableOutput(const NamedSequence& sequence,
                                            const v1::GetModelResponse& model,
                                            Terminal& terminal);

// An object a step, then one with "final". `sequence` is the sequence's number.
std::unique_ptr<StepOutput> MakeJsonOutput(int sequence,
                                           const v1::GetModelResponse& model,
                                           Terminal& terminal);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_STEP_OUTPUT_H_
