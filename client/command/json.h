#ifndef UNROLL_CLIENT_COMMAND_JSON_H_
#define UNROLL_CLIENT_COMMAND_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Objects keep their order. Numbers are float32, written with as few digits as
// give the same float32 back; what is not finite becomes null.
using Json = nlohmann::basic_json<nlohmann::ordered_map, std::vector,
                                  std::string, bool, int64_t, uint64_t, float>;

// One line. Text that is not UTF-8 gets U+FFFD.
std::string ToLine(const Json& json);

Json ToJson(const v1::ModelStatus& model);
Json ToJson(const v1::GetModelResponse& model);
Json ToJson(const v1::TopK& top);
Json ToJson(const v1::Timing& timing);

// Arrays of arrays as the shape has it. INVALID_ARGUMENT: data and shape of the
// tensor do not match.
absl::StatusOr<Json> ToJson(const v1::Tensor& tensor);

// Adds "h_n" (for a state tensor "h") to `object`. Errors as above.
absl::Status AddFinalState(const v1::State& state, Json& object);

// Adds what is set: token_ids, hidden, h_n, scores, top. A head that is applied
// once (`scores_once`) has one top. Errors as above.
absl::Status AddResult(const v1::SequenceResult& result, bool scores_once,
                       Json& object);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_JSON_H_
