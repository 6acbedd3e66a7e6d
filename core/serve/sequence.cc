#include "core/serve/sequence.h"

#include "core/base/checked.h"

namespace unroll {

Sequence::Sequence(SequenceRequest request)
    : state_(std::move(request.state)), request_(std::move(request)) {
  if (!state_.empty()) return;
  for (const StateTensorSpec& spec : StateSpec(request_.model->info.spec)) {
    const int64_t elements = *CheckedElements(spec.shape);
    state_.push_back({spec.shape, std::vector<float>(elements, 0.0f)});
  }
}

}  // namespace unroll
