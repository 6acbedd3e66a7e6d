#ifndef UNROLL_SERVER_INFER_PARAMETERS_H_
#define UNROLL_SERVER_INFER_PARAMETERS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/serve/policy.h"
#include "inference/grpc_service.pb.h"

namespace unroll::server {

using InferParameterMap =
    google::protobuf::Map<std::string, inference::InferParameter>;

// Levels of priority as callers count them: 1 is the highest.
inline constexpr int64_t kPriorityLevels =
    kHighestPriority - kLowestPriority + 1;

// What a ModelInferRequest's parameters say.
struct InferParameters {
  std::string sequence_id;  // as ReadSequenceId has it
  bool sequence_start = false;
  bool sequence_end = false;
  bool stepwise = false;  // triton_enable_empty_final_response
  bool wants_token = false;
  std::string state_token;  // to start from; empty: none
  bool require_exact = false;
  int priority = 0;                                   // the scheduler's
  absl::Duration timeout = absl::InfiniteDuration();  // of the wait
};

// INVALID_ARGUMENT: `parameter "<name>": ...` is of a wrong kind or out of
// range, or an unknown triton_*. Other names are not heeded.
absl::StatusOr<InferParameters> ReadInferParameters(
    const InferParameterMap& parameters);

// The sequence that a request belongs to: 7 or "name" (in quotes), or nothing.
// INVALID_ARGUMENT: it is of a wrong kind or too long.
absl::StatusOr<std::string> ReadSequenceId(const InferParameterMap& parameters);

// The value of the parameter `classification` of a requested output; 0: none.
// INVALID_ARGUMENT: it is no whole number, or less than 1.
absl::StatusOr<int64_t> ReadClassification(const InferParameterMap& parameters);

// UNIMPLEMENTED: the parameters of a tensor name shared memory.
absl::Status RefuseSharedMemory(const InferParameterMap& parameters,
                                const std::string& where);

// A model_version, 0 for "". INVALID_ARGUMENT: not a whole number above 0.
absl::StatusOr<int64_t> ReadVersion(const std::string& version);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_PARAMETERS_H_
