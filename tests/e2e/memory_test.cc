// How much memory models take: many small ones, and one of H = 4096.

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/predict.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using unroll::testing::Predict;
using unroll::testing::SafetensorsBuilder;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

// A line of /proc/PID/status, such as "VmRSS" or "VmHWM" (the most so far).
int64_t ProcessBytes(const ServerProcess& server, const std::string& key) {
  std::ifstream status(absl::StrCat(
      "/proc/", const_cast<ServerProcess&>(server).process().pid(), "/status"));
  std::string name;
  while (status >> name) {
    int64_t kilobytes;
    if (name == key + ":" && status >> kilobytes) return kilobytes << 10;
    std::getline(status, name);
  }
  return -1;
}

void WriteModel(TempDirectory& directory, const std::string& name,
                const Spec& spec) {
  directory.Write(absl::StrCat(name, "/model.safetensors"),
                  SafetensorsBuilder().AddRnn("rnn.", spec).Build());
}

v1::PredictRequest Request(const std::string& model, int64_t steps,
                           int64_t input_size) {
  v1::PredictRequest request;
  request.set_model(model);
  v1::Tensor& features = *request.add_sequences()->mutable_features();
  features.add_shape(steps);
  features.add_shape(input_size);
  features.set_data(std::string(steps * input_size * sizeof(float), '\0'));
  return request;
}

TEST(MemoryTest, FiveHundredSmallModelsTakeLessThanAGigabyte) {
  constexpr int kModels = 500;
  TempDirectory directory;
  for (int i = 0; i < kModels; ++i) {
    WriteModel(directory, absl::StrCat("m", i),
               {.input_size = 1 + i % 30,
                .hidden_size = 1 + i % 64,
                .num_layers = 1 + i % 3,
                .directions = 1 + i % 2});
  }
  ServerProcess server(directory.path());
  server.WaitUntilLoaded();
  for (int i = 0; i < kModels; i += 49) {
    const auto reply =
        Predict(server, Request(absl::StrCat("m", i), 5, 1 + i % 30));
    EXPECT_TRUE(reply.status.ok()) << i << ": " << reply.status.error_message();
  }
  EXPECT_LT(ProcessBytes(server, "VmHWM"), int64_t{1} << 30);
}

TEST(MemoryTest, ABigModelTakesWhatIsStated) {
  TempDirectory directory;
  WriteModel(directory, "big",
             {.input_size = 64, .hidden_size = 4096, .num_layers = 2});
  WriteModel(directory, "little",
             {.input_size = 4, .hidden_size = 4, .num_layers = 1});
  ServerProcess server(directory.path());
  server.WaitUntilLoaded();
  const double stated =
      server.Metric("unroll_model_memory_bytes", "model=\"big\"");
  EXPECT_GT(stated, 3 * 4096 * 4096 * 4.0);
  const auto reply = Predict(server, Request("big", 4, 64));
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.response.results(0).hidden().shape(1), 4096);
  // The rest is the program, its libraries and threads.
  EXPECT_LT(ProcessBytes(server, "VmRSS"), stated + (100 << 20));
}

}  // namespace
}  // namespace unroll
