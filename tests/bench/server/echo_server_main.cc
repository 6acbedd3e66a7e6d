// unroll_echo_server: see echo_service.h. Says where it listens, and serves
// until it is killed.

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/synchronization/mutex.h"
#include "tests/bench/server/echo_service.h"

int main(int argc, char** argv) {
  // As the server does.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  unroll::bench::EchoModel model;
  CLI::App app("A bare gRPC server with unroll's API and message sizes");
  app.add_option("--input-size", model.input_size, "I")->required();
  app.add_option("--hidden-size", model.hidden_size, "H")->required();
  CLI11_PARSE(app, argc, argv);

  unroll::bench::EchoInference inference(model);
  unroll::bench::EchoModels models(model);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&inference);
  builder.RegisterService(&models);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::cout << "listens: gRPC on 127.0.0.1:" << port << std::endl;
  server->Wait();
  return 0;
}
