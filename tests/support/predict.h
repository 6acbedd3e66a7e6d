#ifndef UNROLL_TESTS_SUPPORT_PREDICT_H_
#define UNROLL_TESTS_SUPPORT_PREDICT_H_

#include <span>
#include <string>
#include <vector>

#include "core/model/tensor.h"
#include "tests/support/golden.h"
#include "tests/support/server_process.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::testing {

// A FLOAT32 tensor message.
v1::Tensor ToMessage(const Tensor& tensor);
// What a tensor message holds.
std::vector<float> Values(const v1::Tensor& message);
Shape ShapeOf(const v1::Tensor& message);

// The input and initial state of a golden case.
v1::Sequence ToMessage(const golden::Case& c);

// Compares one sequence's results with PyTorch's.
void ExpectGolden(const golden::Case& c, const v1::SequenceResult& result);

// A model repository that holds these cases, in a directory that lives as long
// as it does.
std::string WriteRepository(const std::string& directory,
                            const std::vector<golden::Case>& cases);

struct PredictReply {
  grpc::Status status;
  v1::PredictResponse response;
};
PredictReply Predict(const ServerProcess& server,
                     const v1::PredictRequest& request);

struct StreamReply {
  grpc::Status status;
  std::vector<v1::PredictStreamResponse> messages;
  // All messages put together, as Predict would have answered.
  v1::SequenceResult result;
};
StreamReply PredictStream(const ServerProcess& server,
                          const v1::PredictStreamRequest& request);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_PREDICT_H_
