#include "tests/bench/server/echo_service.h"

#include <string>

namespace unroll::bench {
namespace {

constexpr char kRequestId[] = "0123456789abcdef";  // as long as a made one

// T, of a Sequence or LiveRequest.
template <typename Message>
int64_t Steps(const Message& message) {
  return message.features().shape_size() > 0 ? message.features().shape(0) : 0;
}

template <typename Message>
void SetHidden(const EchoModel& model, int64_t steps, Message& message) {
  v1::Tensor& hidden = *message.mutable_hidden();
  hidden.set_data_type(v1::FLOAT32);
  hidden.clear_shape();
  hidden.add_shape(steps);
  hidden.add_shape(model.hidden_size);
  hidden.mutable_data()->assign(
      steps * model.hidden_size * int64_t{sizeof(float)}, '\0');
}

void SetTiming(v1::Timing& timing) {
  timing.mutable_queue()->set_nanos(12'345);
  timing.mutable_compute()->set_nanos(12'345);
}

void SetEnd(v1::StreamEnd& end) {
  end.set_version(1);
  end.set_request_id(kRequestId);
  SetTiming(*end.mutable_timing());
}

class StreamCall : public grpc::ServerWriteReactor<v1::PredictStreamResponse> {
 public:
  StreamCall(const EchoModel& model, const v1::PredictStreamRequest& request) {
    const int64_t steps = Steps(request.sequence());
    for (int64_t step = 0; step < steps; ++step) response_.add_steps(step);
    SetHidden(model, steps, response_);
    SetEnd(*response_.mutable_final());
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  v1::PredictStreamResponse response_;
};

class LiveCall
    : public grpc::ServerBidiReactor<v1::LiveRequest, v1::LiveResponse> {
 public:
  explicit LiveCall(const EchoModel& model) : model_(model) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    response_.Clear();
    if (!ok) {
      SetEnd(*response_.mutable_final());
      StartWriteAndFinish(&response_, {}, grpc::Status::OK);
      return;
    }
    if (request_.has_open()) {
      response_.mutable_opened()->set_version(1);
      response_.mutable_opened()->set_request_id(kRequestId);
      response_.mutable_opened()->set_window(64);
    }
    const int64_t steps = Steps(request_);
    for (int64_t i = 0; i < steps; ++i) response_.add_steps(done_++);
    if (steps > 0) SetHidden(model_, steps, response_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      StartRead(&request_);
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

 private:
  const EchoModel model_;
  v1::LiveRequest request_;
  v1::LiveResponse response_;
  int64_t done_ = 0;  // steps
};

}  // namespace

grpc::ServerUnaryReactor* EchoInference::Predict(
    grpc::CallbackServerContext* context, const v1::PredictRequest* request,
    v1::PredictResponse* response) {
  for (const v1::Sequence& sequence : request->sequences()) {
    SetHidden(model_, Steps(sequence), *response->add_results());
  }
  response->set_version(1);
  response->set_request_id(kRequestId);
  SetTiming(*response->mutable_timing());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<v1::PredictStreamResponse>*
EchoInference::PredictStream(grpc::CallbackServerContext*,
                             const v1::PredictStreamRequest* request) {
  return new StreamCall(model_, *request);
}

grpc::ServerBidiReactor<v1::LiveRequest, v1::LiveResponse>* EchoInference::Live(
    grpc::CallbackServerContext*) {
  return new LiveCall(model_);
}

grpc::ServerUnaryReactor* EchoModels::GetModel(
    grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
    v1::GetModelResponse* response) {
  response->set_name(request->name());
  response->set_version(1);
  response->set_incremental(true);
  v1::Spec& spec = *response->mutable_spec();
  spec.set_cell("rnn");
  spec.set_input_size(model_.input_size);
  spec.set_hidden_size(model_.hidden_size);
  spec.set_num_layers(1);
  spec.set_directions(1);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace unroll::bench
