#ifndef UNROLL_CLIENT_SEQUENCE_H_
#define UNROLL_CLIENT_SEQUENCE_H_

#include <cstdint>
#include <span>
#include <string>

#include "client/array.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// The three kinds of input. Nothing is checked here: the server knows the model
// and says what does not suit it.

v1::Sequence FeatureSequence(const Array& features);       // [T, I]
v1::Sequence TokenSequence(std::span<const int64_t> ids);  // [T]
// UTF-8: gRPC fails the call with INTERNAL if it is not.
v1::Sequence TextSequence(std::string text);

// The state that a vanilla RNN starts from; zeros if never called.
void SetInitialState(const Array& h, v1::Sequence& sequence);  // [L*D, H]

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_SEQUENCE_H_
