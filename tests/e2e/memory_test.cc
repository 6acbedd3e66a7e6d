// How much memory models take, many small ones and one of H = 4096, and how
// much live sequences.

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/live.h"
#include "tests/support/predict.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using unroll::testing::LiveReply;
using unroll::testing::LiveStream;
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

v1::LiveOpening LiveOpening(int32_t window) {
  v1::LiveOpening opening;
  opening.set_model("langid");  // H = 256
  opening.mutable_outputs()->add_results(v1::SCORES);
  opening.set_window(window);
  return opening;
}

// Of a server with so many Live calls, each of which has sent that many steps.
int64_t BytesWithStreams(int streams, int steps) {
  const ServerProcess server(UNROLL_MODELS);
  const auto add = [&](int count, std::vector<LiveReply>& replies,
                       std::vector<std::unique_ptr<LiveStream>>& all) {
    for (int i = 0; i < count; ++i) {
      all.push_back(std::make_unique<LiveStream>(server));
      replies.emplace_back();
      if (steps == 0) continue;
      all.back()->Open(LiveOpening(64));
      for (int step = 1; step <= steps; ++step) {
        all.back()->Text("a");
        all.back()->ReadSteps(step, replies.back());
      }
    }
  };
  std::vector<LiveReply> replies;
  std::vector<std::unique_ptr<LiveStream>> all;
  add(100, replies, all);  // what the first ones take, they take once
  const int64_t before = ProcessBytes(server, "VmRSS");
  add(streams, replies, all);
  // A call after them has come: so they have, too.
  EXPECT_EQ(Predict(server, Request("nobody", 1, 1)).status.error_code(),
            grpc::NOT_FOUND);
  const int64_t after = ProcessBytes(server, "VmRSS");
  for (size_t i = 0; i < all.size(); ++i) {
    all[i]->Cancel();
    all[i]->Finish(std::move(replies[i]));
  }
  return after - before;
}

TEST(MemoryTest, ALiveSequenceTakesAtMost16KilobytesBeyondGrpcsOwn) {
  constexpr int kStreams = 1000;
  const int64_t bare = BytesWithStreams(kStreams, 0);
  const int64_t live = BytesWithStreams(kStreams, 5);
  RecordProperty("bytes", static_cast<int>((live - bare) / kStreams));
  EXPECT_LT((live - bare) / kStreams, 16 << 10);
}

TEST(MemoryTest, AMillionStepsOfALiveSequenceTakeNoMoreThanTheFirst) {
  constexpr int kPiece = 1000;
  const ServerProcess server(UNROLL_MODELS);
  LiveStream stream(server);
  stream.Open(LiveOpening(kPiece));
  int64_t after_first = 0;
  for (int piece = 0; piece < 1050; ++piece) {
    LiveReply reply;
    if (piece > 0) reply.opened.emplace();  // read before
    stream.Text(std::string(kPiece, 'a'), /*state_token_now=*/true);
    while (reply.steps.size() < kPiece || reply.tokens.empty()) {
      ASSERT_TRUE(stream.Read(reply));
    }
    ASSERT_EQ(reply.steps.front(), int64_t{kPiece} * piece);
    if (piece == 50) after_first = ProcessBytes(server, "VmRSS");
  }
  EXPECT_LT(ProcessBytes(server, "VmRSS"), after_first + (2 << 20));
  stream.Cancel();
}

}  // namespace
}  // namespace unroll
