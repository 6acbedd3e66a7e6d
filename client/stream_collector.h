#ifndef UNROLL_CLIENT_STREAM_COLLECTOR_H_
#define UNROLL_CLIENT_STREAM_COLLECTOR_H_

#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Puts the messages of one PredictStream call together into what Predict would
// have answered.
class StreamCollector {
 public:
  // The messages in their order. Takes their contents.
  void Add(v1::PredictStreamResponse message);

  // REQUIRES: the last message was added.
  const v1::SequenceResult& result() const { return result_; }
  const v1::StreamEnd& end() const { return end_; }

 private:
  v1::SequenceResult result_;
  v1::StreamEnd end_;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_STREAM_COLLECTOR_H_
