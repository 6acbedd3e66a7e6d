#ifndef UNROLL_CLIENT_COMMAND_PARSE_H_
#define UNROLL_CLIENT_COMMAND_PARSE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// The values of the command's flags. All errors are INVALID_ARGUMENT and say
// what was expected and found, without the flag's name.

// "500ms", "10s", "1m30s", "inf"; more than 0.
absl::StatusOr<absl::Duration> ParseTimeout(const std::string& text);

// "all", "last", or indices such as "0,3,7" (strictly increasing).
absl::Status ParseSteps(const std::string& text, v1::Outputs& outputs);

// "hidden,h_n,scores", at least one.
absl::Status ParseResults(const std::string& text, v1::Outputs& outputs);

// "a,b,c", none empty.
absl::StatusOr<std::vector<std::string>> ParseList(const std::string& text);

// An item that is one of the labels, or no number, is a label; otherwise it is
// the class of that number.
v1::Candidate ToCandidate(const std::string& item, const v1::Head& head);

// Token ids separated by white space, at least one.
absl::StatusOr<std::vector<int64_t>> ParseTokenIds(const std::string& line);

// A JSON array of rows of numbers, all as long: "[[0.5, 1], [2, 3]]" is [2, 2].
absl::StatusOr<v1::Tensor> ParseRows(const std::string& line);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_PARSE_H_
