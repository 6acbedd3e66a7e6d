#ifndef UNROLL_CLIENT_CLIENT_H_
#define UNROLL_CLIENT_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "unroll/v1/models.grpc.pb.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::client {

struct CallOptions {
  // The call fails with DEADLINE_EXCEEDED when it takes longer; for a stream,
  // when all of it does. Default: no limit.
  absl::Duration timeout = absl::InfiniteDuration();
};

// The results of one PredictStream call, as they arrive.
//
//   auto stream = client.PredictStream(request);
//   v1::PredictStreamResponse response;
//   while (stream->Read(response)) Use(response);
//   absl::Status status = stream->Finish();
//
// One thread at a time, except for Cancel.
class PredictionStream {
 public:
  // Cancels the call unless Finish was called.
  ~PredictionStream();

  PredictionStream(const PredictionStream&) = delete;
  PredictionStream& operator=(const PredictionStream&) = delete;

  // Waits for the next message. False: there is none, Finish says why.
  bool Read(v1::PredictStreamResponse& response);

  // How the call ended; OK only when all results were read. Cancels the call if
  // Read has not returned false yet. REQUIRES: not called before.
  absl::Status Finish();

  // Any thread, any time: Read returns false soon, and Finish CANCELLED unless
  // the call had ended.
  void Cancel();

 private:
  friend class Client;
  PredictionStream(std::string address, const CallOptions& options,
                   v1::SequenceInference::Stub& stub,
                   const v1::PredictStreamRequest& request);

  const std::string address_;
  const absl::Duration timeout_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReader<v1::PredictStreamResponse>> reader_;
  bool read_all_ = false;
  bool finished_ = false;
};

// A connection to an unroll server.
//
// Calls may be made from any number of threads at once; each blocks its thread
// until the server has answered. Requests are borrowed for the length of the
// call only, and so is everything in them. What can be asked, the shapes and
// the defaults are described in proto/unroll/v1/.
//
// Every failed call gives the server's code and message. Besides the codes that
// the protocol lists:
//   UNAVAILABLE        nobody answers at the address (it is in the message), or
//                      the connection broke; the call may be tried again
//   DEADLINE_EXCEEDED  CallOptions::timeout passed
class Client {
 public:
  // `address` is HOST:PORT, or what else gRPC takes ("unix:/path",
  // "dns:///name:port"). Does not connect: the first call does. The connection
  // is not encrypted. Replies of any size are taken: the server limits them.
  // A proxy of the environment (http_proxy) is not used for this machine
  // itself.
  explicit Client(std::string address);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  absl::StatusOr<v1::ListModelsResponse> ListModels(
      const CallOptions& options = {});

  // `version` 0: the highest that loaded.
  absl::StatusOr<v1::GetModelResponse> GetModel(
      const std::string& name, int64_t version = 0,
      const CallOptions& options = {});

  // All sequences in, all results out. request.request_id, if set, comes back
  // in the reply and stands in the server's log.
  absl::StatusOr<v1::PredictResponse> Predict(const v1::PredictRequest& request,
                                              const CallOptions& options = {});

  // One sequence in, its steps out as they are computed. Does not wait: errors
  // come from Finish. The stream may outlive the client.
  std::unique_ptr<PredictionStream> PredictStream(
      const v1::PredictStreamRequest& request, const CallOptions& options = {});

  // grpc.health.v1. `service` is a model's name, or "" for the server as a
  // whole. NOT_FOUND: there is no such model.
  absl::StatusOr<grpc::health::v1::HealthCheckResponse::ServingStatus>
  CheckHealth(const std::string& service = "", const CallOptions& options = {});

  const std::string& address() const { return address_; }

 private:
  // Self-synchronised or constant.
  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Models::Stub> models_;
  const std::unique_ptr<v1::SequenceInference::Stub> inference_;
  const std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_CLIENT_H_
