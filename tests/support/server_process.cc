#include "tests/support/server_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace unroll::testing {
namespace {

// The number between `before` and the next thing that is not a digit.
int NumberAfter(const std::string& text, const std::string& before) {
  const size_t at = text.find(before);
  return at == std::string::npos ? 0
                                 : std::atoi(text.c_str() + at + before.size());
}

}  // namespace

ServerProcess::ServerProcess(const std::string& repository,
                             const std::vector<std::string>& flags,
                             Process::Options options) {
  options.arguments = {UNROLL_SERVER_BINARY, "--model-repository", repository,
                       "--address=127.0.0.1", "--metrics-port=0"};
  if (std::none_of(flags.begin(), flags.end(), [](const std::string& flag) {
        return absl::StartsWith(flag, "--grpc-port=");
      })) {
    options.arguments.push_back("--grpc-port=0");
  }
  options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
  process_ = std::make_unique<Process>(options);
  const std::string ports = process_->WaitForOutput("listens: ");
  grpc_port_ = NumberAfter(ports, "gRPC on 127.0.0.1:");
  metrics_port_ = NumberAfter(ports, "metrics on http://127.0.0.1:");
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(
      address(), grpc::InsecureChannelCredentials(), arguments);
  WaitUntilLoaded();
}

std::string ServerProcess::address() const {
  return absl::StrCat("127.0.0.1:", grpc_port_);
}

int ServerProcess::Stop() {
  process_->Signal(SIGTERM);
  return process_->Wait();
}

std::string ServerProcess::Scrape() const {
  return HttpGet(metrics_port_, "/metrics");
}

double ServerProcess::Metric(const std::string& name,
                             const std::string& labels) const {
  double sum = 0;
  for (const auto line : absl::StrSplit(Scrape(), '\n')) {
    const std::pair<std::string, std::string> sample =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    const std::string series = sample.first.substr(0, sample.first.find('{'));
    if (series != name || !absl::StrContains(sample.first, labels)) continue;
    double value = 0;
    if (absl::SimpleAtod(sample.second, &value)) sum += value;
  }
  return sum;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

std::string HttpGet(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string response;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
      0) {
    const std::string request =
        absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: localhost\r\n\r\n");
    if (write(fd, request.data(), request.size()) > 0) {
      char buffer[4096];
      ssize_t count;
      while ((count = read(fd, buffer, sizeof(buffer))) > 0) {
        response.append(buffer, count);
      }
    }
  }
  close(fd);
  const size_t body = response.find("\r\n\r\n");
  return body == std::string::npos ? "" : response.substr(body + 4);
}

}  // namespace unroll::testing
