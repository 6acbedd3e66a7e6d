#include "client/client.h"

#include <utility>

#include "client/channel.h"
#include "client/status.h"

namespace unroll::client {
namespace {

void SetDeadline(absl::Duration timeout, grpc::ClientContext& context) {
  if (timeout == absl::InfiniteDuration()) return;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

// A unary call: `method` of `stub` with `request`.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(const std::string& address,
                              const CallOptions& options, Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                           const Request&,
                                                           Response*),
                              const Request& request) {
  grpc::ClientContext context;
  SetDeadline(options.timeout, context);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status, address, options.timeout);
  return response;
}

}  // namespace

PredictionStream::PredictionStream(std::string address,
                                   const CallOptions& options,
                                   v1::SequenceInference::Stub& stub,
                                   const v1::PredictStreamRequest& request)
    : address_(std::move(address)),
      timeout_(options.timeout),
      reader_((SetDeadline(timeout_, context_),
               stub.PredictStream(&context_, request))) {}

PredictionStream::~PredictionStream() {
  if (!finished_) (void)Finish();
}

bool PredictionStream::Read(v1::PredictStreamResponse& response) {
  if (!read_all_ && !reader_->Read(&response)) read_all_ = true;
  return !read_all_;
}

absl::Status PredictionStream::Finish() {
  if (!read_all_) context_.TryCancel();
  finished_ = true;
  return FromGrpc(reader_->Finish(), address_, timeout_);
}

void PredictionStream::Cancel() { context_.TryCancel(); }

Client::Client(std::string address)
    : address_(std::move(address)),
      channel_(MakeChannel(address_)),
      models_(v1::Models::NewStub(channel_)),
      inference_(v1::SequenceInference::NewStub(channel_)),
      health_(grpc::health::v1::Health::NewStub(channel_)) {}

absl::StatusOr<v1::ListModelsResponse> Client::ListModels(
    const CallOptions& options) {
  return Call(address_, options, *models_, &v1::Models::Stub::ListModels,
              v1::ListModelsRequest());
}

absl::StatusOr<v1::GetModelResponse> Client::GetModel(
    const std::string& name, int64_t version, const CallOptions& options) {
  v1::GetModelRequest request;
  request.set_name(name);
  request.set_version(version);
  return Call(address_, options, *models_, &v1::Models::Stub::GetModel,
              request);
}

absl::StatusOr<v1::PredictResponse> Client::Predict(
    const v1::PredictRequest& request, const CallOptions& options) {
  return Call(address_, options, *inference_,
              &v1::SequenceInference::Stub::Predict, request);
}

std::unique_ptr<PredictionStream> Client::PredictStream(
    const v1::PredictStreamRequest& request, const CallOptions& options) {
  return std::unique_ptr<PredictionStream>(
      new PredictionStream(address_, options, *inference_, request));
}

absl::StatusOr<grpc::health::v1::HealthCheckResponse::ServingStatus>
Client::CheckHealth(const std::string& service, const CallOptions& options) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  const auto response = Call(address_, options, *health_,
                             &grpc::health::v1::Health::Stub::Check, request);
  if (!response.ok()) return response.status();
  return response->status();
}

}  // namespace unroll::client
