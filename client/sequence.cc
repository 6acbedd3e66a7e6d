#include "client/sequence.h"

#include <utility>

namespace unroll::client {

v1::Sequence FeatureSequence(const Array& features) {
  v1::Sequence sequence;
  *sequence.mutable_features() = ToTensor(features);
  return sequence;
}

v1::Sequence TokenSequence(std::span<const int64_t> ids) {
  v1::Sequence sequence;
  sequence.mutable_token_ids()->mutable_ids()->Add(ids.begin(), ids.end());
  return sequence;
}

v1::Sequence TextSequence(std::string text) {
  v1::Sequence sequence;
  sequence.set_text(std::move(text));
  return sequence;
}

void SetInitialState(const Array& h, v1::Sequence& sequence) {
  (*sequence.mutable_initial_state()->mutable_tensors())["h"] = ToTensor(h);
}

}  // namespace unroll::client
