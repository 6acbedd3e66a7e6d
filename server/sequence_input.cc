#include "server/sequence_input.h"

#include <cmath>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"

namespace unroll::server {

absl::Status CheckSteps(int64_t steps, int64_t max_steps) {
  if (steps == 0)
    return Invalid("the sequence is empty, expected 1 step or more");
  if (steps > max_steps) {
    return Invalid("%d steps, expected at most %d (--max-steps)", steps,
                   max_steps);
  }
  return absl::OkStatus();
}

absl::Status CheckFinite(std::span<const float> values,
                         std::string_view where) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return InvalidAt(where, "element %d is %f, expected a finite number", i,
                       values[i]);
    }
  }
  return absl::OkStatus();
}

template <typename Id>
absl::Status SetTokens(std::span<const Id> ids, std::string_view where,
                       const ModelInfo& info, int64_t max_steps,
                       SequenceRequest& request) {
  RETURN_IF_ERROR(CheckSteps(std::ssize(ids), max_steps));
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= info.vocabulary_size) {
      return Invalid("%s[%d]: %d, expected 0 to %d", where, i, ids[i],
                     info.vocabulary_size - 1);
    }
  }
  request.tokens.assign(ids.begin(), ids.end());
  request.steps = std::ssize(ids);
  return absl::OkStatus();
}

template absl::Status SetTokens(std::span<const int32_t>, std::string_view,
                                const ModelInfo&, int64_t, SequenceRequest&);
template absl::Status SetTokens(std::span<const int64_t>, std::string_view,
                                const ModelInfo&, int64_t, SequenceRequest&);

absl::Status SetText(std::string_view text, const ModelInfo& info,
                     int64_t max_steps, SequenceRequest& request) {
  ASSIGN_OR_RETURN(request.tokens, info.vocabulary->Encode(text));
  request.steps = std::ssize(request.tokens);
  return CheckSteps(request.steps, max_steps);
}

}  // namespace unroll::server
