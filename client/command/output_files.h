#ifndef UNROLL_CLIENT_COMMAND_OUTPUT_FILES_H_
#define UNROLL_CLIENT_COMMAND_OUTPUT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Writes what is set of the results as hidden.npy, h_n.npy, scores.npy and
// token_ids.npy to `directory`, which is made if need be; files of these names
// are replaced. Returns a line for each, such as "out/h_n.npy float32 [1,64]".
// UNKNOWN: a file or the directory could not be written; others may have been.
// INVALID_ARGUMENT: a tensor's data does not match its shape.
absl::StatusOr<std::vector<std::string>> WriteResult(
    const v1::SequenceResult& result, const std::string& directory);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_OUTPUT_FILES_H_
