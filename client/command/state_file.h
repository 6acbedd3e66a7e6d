#ifndef UNROLL_CLIENT_COMMAND_STATE_FILE_H_
#define UNROLL_CLIENT_COMMAND_STATE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// A state token as it stands in a file. INVALID_ARGUMENT: it cannot be read or
// is empty.
absl::StatusOr<std::string> ReadStateFile(const std::string& path);

// Writes a result's state token, in one go: `path` has the old bytes or the new
// ones. A line that says so. UNKNOWN: it could not be written.
absl::StatusOr<std::string> WriteStateFile(const v1::SequenceResult& result,
                                           const std::string& path);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_STATE_FILE_H_
