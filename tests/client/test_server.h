#ifndef UNROLL_TESTS_CLIENT_TEST_SERVER_H_
#define UNROLL_TESTS_CLIENT_TEST_SERVER_H_

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "unroll/v1/models.grpc.pb.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::client {

// A server on a loopback port with three small models that need no weights:
//   letters   text by characters, 3 classes on each step, H = 2
//   features  rows [T, 2], no head, H = 2
//   once      token ids, 3 classes applied to last_step, H = 2
// Step t gives hidden [t + 0.25, -t]; the scores of each row are 0.2, 0.7 and
// 0.1 for the classes red, green and blue. The hooks can take a call over.
class TestServer {
 public:
  using PredictHook = std::function<grpc::Status(const v1::PredictRequest&)>;
  using StreamHook = std::function<grpc::Status(
      grpc::ServerContext&, grpc::ServerWriter<v1::PredictStreamResponse>&)>;

  using LiveHook = std::function<grpc::Status(
      grpc::ServerReaderWriter<v1::LiveResponse, v1::LiveRequest>&)>;

  // Without hooks: the models above, and no Live.
  explicit TestServer(PredictHook predict = {}, StreamHook stream = {},
                      LiveHook live = {});
  ~TestServer();

  const std::string& address() const { return address_; }

 private:
  class Models;
  class Inference;
  class Health;

  const std::unique_ptr<Models> models_;
  const std::unique_ptr<Inference> inference_;
  const std::unique_ptr<Health> health_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace unroll::client

#endif  // UNROLL_TESTS_CLIENT_TEST_SERVER_H_
