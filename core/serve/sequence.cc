#include "core/serve/sequence.h"

namespace unroll {

Sequence::Sequence(SequenceRequest request)
    : state_(std::move(request.state)), request_(std::move(request)) {
  if (!state_.empty()) return;
  for (const StateTensorSpec& spec : StateSpec(request_.model->info)) {
    state_.push_back(ZeroTensor(spec.shape));
  }
}

}  // namespace unroll
