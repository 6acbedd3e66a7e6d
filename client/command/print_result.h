#ifndef UNROLL_CLIENT_COMMAND_PRINT_RESULT_H_
#define UNROLL_CLIENT_COMMAND_PRINT_RESULT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/command/sequence_source.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// One sequence's results as a table: the classes of one row with bars, or a
// line a step when there are more; then first values of hidden and of the final
// state. INVALID_ARGUMENT: a tensor's data does not match its shape.
absl::StatusOr<std::string> FormatResult(const NamedSequence& sequence,
                                         const v1::Outputs& outputs,
                                         const v1::SequenceResult& result,
                                         const v1::GetModelResponse& model,
                                         bool unicode);

// The final state, a line a row. Errors as above.
absl::StatusOr<std::string> FormatFinalState(const v1::State& state);

// A line for a sequence that went on from a state token.
std::string FormatContinuation(bool exact, int64_t steps_done);

// "version 1, queue 0.1 ms, compute 0.2 ms"
std::string FormatTiming(int64_t version, const v1::Timing& timing);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_PRINT_RESULT_H_
