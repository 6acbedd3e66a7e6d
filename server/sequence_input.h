#ifndef UNROLL_SERVER_SEQUENCE_INPUT_H_
#define UNROLL_SERVER_SEQUENCE_INPUT_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "core/serve/sequence.h"

namespace unroll::server {

// What is checked of a sequence's input, whatever message it came in. All
// return INVALID_ARGUMENT with what is wrong; `where` names the input.

absl::Status CheckSteps(int64_t steps, int64_t max_steps);

absl::Status CheckFinite(std::span<const float> values, std::string_view where);

// Puts ids into a request. For int32_t and int64_t.
template <typename Id>
absl::Status SetTokens(std::span<const Id> ids, std::string_view where,
                       const ModelInfo& info, int64_t max_steps,
                       SequenceRequest& request);

// Puts the ids of a text into a request. REQUIRES: there is a vocabulary.
absl::Status SetText(std::string_view text, const ModelInfo& info,
                     int64_t max_steps, SequenceRequest& request);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_SEQUENCE_INPUT_H_
