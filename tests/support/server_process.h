#ifndef UNROLL_TESTS_SUPPORT_SERVER_PROCESS_H_
#define UNROLL_TESTS_SUPPORT_SERVER_PROCESS_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "unroll/v1/models.grpc.pb.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::testing {

// The real unroll-server on ports of its own (but for a --grpc-port in the
// flags), with all models loaded.
class ServerProcess {
 public:
  explicit ServerProcess(const std::string& repository,
                         const std::vector<std::string>& flags = {},
                         Process::Options options = {});

  // Its log says this once everything has been tried to load.
  void WaitUntilLoaded() { process_->WaitForOutput("models are served"); }
  // SIGTERM; its exit code.
  int Stop();

  Process& process() { return *process_; }
  int grpc_port() const { return grpc_port_; }
  int metrics_port() const { return metrics_port_; }
  std::string address() const;
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  std::unique_ptr<v1::SequenceInference::Stub> Inference() const {
    return v1::SequenceInference::NewStub(channel_);
  }
  std::unique_ptr<v1::Models::Stub> Models() const {
    return v1::Models::NewStub(channel_);
  }

  // The text of http://.../metrics.
  std::string Scrape() const;
  // The sum of a metric's series whose labels hold `labels`, such as
  // `model="a",method="Predict"`.
  double Metric(const std::string& name, const std::string& labels = "") const;

 private:
  std::unique_ptr<Process> process_;
  int grpc_port_ = 0;
  int metrics_port_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
int FreePort();

// The body of an HTTP GET on 127.0.0.1.
std::string HttpGet(int port, const std::string& path);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_SERVER_PROCESS_H_
