#ifndef UNROLL_TESTS_BENCH_SERVER_ECHO_SERVICE_H_
#define UNROLL_TESTS_BENCH_SERVER_ECHO_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>

#include "unroll/v1/models.grpc.pb.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::bench {

struct EchoModel {
  int64_t input_size = 0;   // I
  int64_t hidden_size = 0;  // H
};

// What is left of an unroll server when it computes, checks, schedules and
// counts nothing: every model is known, takes features [T, I] and answers with
// messages as large as unroll's would be where `hidden` [T, H] is asked for,
// all zeros.
class EchoInference : public v1::SequenceInference::CallbackService {
 public:
  explicit EchoInference(const EchoModel& model) : model_(model) {}

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context,
                                    const v1::PredictRequest* request,
                                    v1::PredictResponse* response) override;
  // All in one message.
  grpc::ServerWriteReactor<v1::PredictStreamResponse>* PredictStream(
      grpc::CallbackServerContext* context,
      const v1::PredictStreamRequest* request) override;
  // A message for a message.
  grpc::ServerBidiReactor<v1::LiveRequest, v1::LiveResponse>* Live(
      grpc::CallbackServerContext* context) override;

 private:
  const EchoModel model_;
};

class EchoModels : public v1::Models::CallbackService {
 public:
  explicit EchoModels(const EchoModel& model) : model_(model) {}

  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const v1::GetModelRequest* request,
                                     v1::GetModelResponse* response) override;

 private:
  const EchoModel model_;
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SERVER_ECHO_SERVICE_H_
