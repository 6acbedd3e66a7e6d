// Predict and ModelInfer in turns, A B A B ..., on the same work against one
// server: what the second front door costs. Prints the ratio of the requests a
// second, and as its last line JSON; the exit code is 0 when all ratios reach
// their accept value, 1 when one does not, 2 when answers differ.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/support/infer.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll::testing {
namespace {

constexpr int kClients = 8;  // each with one request under way
constexpr int kPairs = 41;
// Short: other load on the machine then hits both of a pair.
constexpr std::chrono::milliseconds kTurn(200);
constexpr double kAccept = 0.9;
constexpr double kAim = 1;

// Calls until told to stop; the calls that went well.
using Caller = std::function<int64_t(const std::atomic<bool>& stop)>;

Caller PredictCaller(const ServerProcess& server, const golden::Case& c) {
  v1::PredictRequest request;
  request.set_model(c.name);
  *request.add_sequences() = ToMessage(c);
  return [&server, request](const std::atomic<bool>& stop) {
    const auto stub = server.Inference();
    int64_t calls = 0;
    while (!stop) {
      grpc::ClientContext context;
      v1::PredictResponse response;
      calls += stub->Predict(&context, request, &response).ok();
    }
    return calls;
  };
}

Caller InferCaller(const ServerProcess& server, const golden::Case& c) {
  return [&server, request = InferRequest(c)](const std::atomic<bool>& stop) {
    const auto stub = Infer(server);
    int64_t calls = 0;
    while (!stop) {
      grpc::ClientContext context;
      inference::ModelInferResponse response;
      calls += stub->ModelInfer(&context, request, &response).ok();
    }
    return calls;
  };
}

// Requests a second of all clients together.
double Turn(const Caller& caller) {
  std::atomic<bool> stop = false;
  std::atomic<int64_t> calls = 0;
  std::vector<std::thread> clients;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] { calls += caller(stop); });
  }
  std::this_thread::sleep_for(kTurn);
  stop = true;
  for (std::thread& client : clients) client.join();
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - begin;
  return static_cast<double>(calls) / elapsed.count();
}

// Whether both answer with the same bits.
bool Agree(const ServerProcess& server, const golden::Case& c) {
  v1::PredictRequest request;
  request.set_model(c.name);
  *request.add_sequences() = ToMessage(c);
  const auto predicted = Predict(server, request);
  const auto inferred = ModelInfer(server, InferRequest(c));
  return predicted.status.ok() && inferred.status.ok() &&
         Values(predicted.response.results(0).hidden()) ==
             OutputFloats(inferred.response, "hidden");
}

int Run() {
  // Features with many numbers each way, and tokens with few.
  const std::pair<const char*, const golden::Case*> work[] = {
      {"infer_over_predict_features",
       &golden::FindCase("tanh_l2_d1_bias_zero_i256_h256_t12")},
      {"infer_over_predict_tokens",
       &golden::FindCase("embedding_v7_i33_h5_l2_d1")}};
  TempDirectory directory;
  const ServerProcess server(
      WriteRepository(directory.path(), {*work[0].second, *work[1].second}));
  nlohmann::ordered_json ratios;
  bool accepted = true;
  for (const auto& [name, c] : work) {
    if (!Agree(server, *c)) {
      absl::PrintF("%s: the answers differ\n", name);
      return 2;
    }
    const Caller predict = PredictCaller(server, *c);
    const Caller infer = InferCaller(server, *c);
    Turn(predict);
    Turn(infer);
    std::vector<double> pairs;
    for (int i = 0; i < kPairs; ++i) {
      const double a = Turn(predict);
      const double b = Turn(infer);
      pairs.push_back(b / a);
      absl::PrintF("%s  Predict %6.0f/s  ModelInfer %6.0f/s  ratio %.3f\n",
                   name, a, b, b / a);
    }
    std::sort(pairs.begin(), pairs.end());
    const double median = pairs[kPairs / 2];
    accepted &= median >= kAccept;
    ratios[name] = {{"median", median},
                    {"min", pairs.front()},
                    {"max", pairs.back()},
                    {"accept", kAccept},
                    {"aim", kAim}};
  }
  const nlohmann::ordered_json result = {
      {"ratios", ratios},
      {"machine",
       {{"cpus", std::thread::hardware_concurrency()}, {"clients", kClients}}}};
  absl::PrintF("%s\n", result.dump());
  return accepted ? 0 : 1;
}

}  // namespace
}  // namespace unroll::testing

int main() { return unroll::testing::Run(); }
