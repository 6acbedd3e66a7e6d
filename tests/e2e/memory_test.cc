// How much memory models take, many small ones and one of H = 4096, and how
// much live sequences.

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
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

// A live sequence that has had some steps.
class QuietLive {
 public:
  explicit QuietLive(const ServerProcess& server) : stream_(server) {
    stream_.Open(LiveOpening(64));
    for (int step = 1; step <= 5; ++step) {
      stream_.Text("a");
      stream_.ReadSteps(step, reply_);
    }
  }
  ~QuietLive() {
    stream_.Cancel();
    stream_.Finish(std::move(reply_));
  }

 private:
  LiveStream stream_;
  LiveReply reply_;
};

// A stream that gRPC's own service of every server keeps open.
class QuietWatch {
 public:
  explicit QuietWatch(const ServerProcess& server)
      : stub_(grpc::health::v1::Health::NewStub(server.channel())),
        reader_(stub_->Watch(&context_, {})) {
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(reader_->Read(&response));
  }
  ~QuietWatch() {
    context_.TryCancel();
    (void)reader_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<grpc::health::v1::HealthCheckResponse>>
      reader_;
};

// What the server takes for one more stream.
template <typename Stream>
int64_t BytesAStream() {
  constexpr int kFirst = 200, kStreams = 5000;
  const ServerProcess server(UNROLL_MODELS);
  std::vector<std::unique_ptr<Stream>> all;
  const auto add = [&](int count) {
    for (int i = 0; i < count; ++i) {
      all.push_back(std::make_unique<Stream>(server));
    }
  };
  add(kFirst);  // what the first ones take, they take once
  const int64_t before = ProcessBytes(server, "VmRSS");
  add(kStreams);
  return (ProcessBytes(server, "VmRSS") - before) / kStreams;
}

TEST(MemoryTest, ALiveSequenceTakesAtMost16KilobytesBeyondGrpcsOwn) {
  const int64_t live = BytesAStream<QuietLive>();
  const int64_t bare = BytesAStream<QuietWatch>();
  RecordProperty("live", static_cast<int>(live));
  RecordProperty("bare", static_cast<int>(bare));
  EXPECT_GT(live, bare + 256 * 4) << "the state is not in it";
  EXPECT_LT(live, bare + (16 << 10));
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
  const int64_t grown = ProcessBytes(server, "VmRSS") - after_first;
  RecordProperty("grown", static_cast<int>(grown));
  EXPECT_LT(grown, 2 << 20);
  stream.Cancel();
}

}  // namespace
}  // namespace unroll
