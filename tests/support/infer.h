#ifndef UNROLL_TESTS_SUPPORT_INFER_H_
#define UNROLL_TESTS_SUPPORT_INFER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "inference/grpc_service.grpc.pb.h"
#include "tests/support/golden.h"
#include "tests/support/server_process.h"

namespace unroll::testing {

std::unique_ptr<inference::GRPCInferenceService::Stub> Infer(
    const ServerProcess& server);

struct InferReplyMessage {
  grpc::Status status;
  inference::ModelInferResponse response;
};
InferReplyMessage ModelInfer(const ServerProcess& server,
                             const inference::ModelInferRequest& request);

// Adds an input with its raw bytes.
void AddRaw(const std::string& name, const std::string& datatype,
            const Shape& shape, const std::string& bytes,
            inference::ModelInferRequest& request);
// The bytes of numbers, and of BYTES elements.
template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(T)};
}
std::string Bytes(const std::vector<std::string>& texts);

// A case's input and initial state, N times.
inference::ModelInferRequest InferRequest(const golden::Case& c,
                                          int64_t sequences = 1);

// Some steps of the case's features, for models of one direction; only the
// first have the initial state.
inference::ModelInferRequest Steps(const golden::Case& c, int64_t first,
                                   int64_t count);

inline inference::InferParameter& Parameter(
    inference::ModelInferRequest& request, const std::string& name) {
  return (*request.mutable_parameters())[name];
}

// An output of a response; what it holds. REQUIRES: it is there.
const inference::ModelInferResponse::InferOutputTensor& Output(
    const inference::ModelInferResponse& response, const std::string& name);
Shape OutputShape(const inference::ModelInferResponse& response,
                  const std::string& name);
std::vector<float> OutputFloats(const inference::ModelInferResponse& response,
                                const std::string& name);
std::vector<std::string> OutputTexts(
    const inference::ModelInferResponse& response, const std::string& name);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_INFER_H_
