// Starting, flags, the machine's limits, and the end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using unroll::testing::Finished;
using unroll::testing::Predict;
using unroll::testing::PredictReply;
using unroll::testing::PredictStream;
using unroll::testing::Process;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

Finished RunServer(const std::vector<std::string>& flags,
                   const std::vector<std::string>& environment = {}) {
  Process::Options options;
  options.arguments = {UNROLL_SERVER_BINARY};
  options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
  options.environment = environment;
  return RunProcess(options);
}

const std::string kRepository =
    absl::StrCat("--model-repository=", UNROLL_MODELS);

struct BadFlag {
  std::string flag;
  std::string message;
};

void PrintTo(const BadFlag& bad, std::ostream* out) { *out << bad.flag; }

class BadFlagTest : public ::testing::TestWithParam<BadFlag> {};

TEST_P(BadFlagTest, ExitsWith2AndNamesTheFlag) {
  const auto [exit_code, output] = RunServer({kRepository, GetParam().flag});
  EXPECT_EQ(exit_code, 2);
  EXPECT_THAT(output, HasSubstr(GetParam().message));
  EXPECT_THAT(output,
              HasSubstr(GetParam().flag.substr(0, GetParam().flag.find('='))));
}

INSTANTIATE_TEST_SUITE_P(
    Flags, BadFlagTest,
    ::testing::Values(BadFlag{"--grpc-port=70000", "70000"},
                      BadFlag{"--metrics-port=-1", "-1"},
                      BadFlag{"--workers=100000", "100000"},
                      BadFlag{"--max-batch-rows=0", "0"},
                      BadFlag{"--quantum=fast", "is not a duration"},
                      BadFlag{"--quantum=0s", "is not between"},
                      BadFlag{"--max-queue-time=-1s", "is not between"},
                      BadFlag{"--max-steps=0", "0"},
                      BadFlag{"--max-message-bytes=3GiB", "3221225472"},
                      BadFlag{"--memory-limit=lots", "lots"},
                      BadFlag{"--drain-timeout=25h", "is not between"},
                      BadFlag{"--ready=some", "some"},
                      BadFlag{"--rnn-kernel=fastest", "fastest"},
                      BadFlag{"--token-table-limit=-1", "-1"},
                      BadFlag{"--log-level=loud", "loud"},
                      BadFlag{"--log-format=xml", "xml"},
                      BadFlag{"--no-such-flag", ""}));

TEST(FlagsTest, HelpTeachesAndVersionIsTold) {
  const Finished help = RunServer({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.output, HasSubstr("--model-repository"));
  EXPECT_THAT(help.output, HasSubstr("UNROLL_MAX_STEPS"));
  EXPECT_EQ(RunServer({"--version"}).exit_code, 0);
}

TEST(FlagsTest, ARepositoryIsRequired) {
  const Finished finished = RunServer({});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.output, HasSubstr("--model-repository"));
}

TEST(FlagsTest, AFolderThatDoesNotExistIsNamed) {
  const Finished finished = RunServer({"--model-repository=/no/such/folder"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.output, HasSubstr("/no/such/folder"));
}

TEST(FlagsTest, TheEnvironmentCountsAndTheCommandLineWins) {
  const Finished wrong =
      RunServer({kRepository, "--check"}, {"UNROLL_MAX_STEPS=none"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.output, HasSubstr("none"));
  const ServerProcess server(UNROLL_MODELS, {"--max-steps=3"},
                             {.environment = {"UNROLL_MAX_STEPS=2"}});
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text("four");
  EXPECT_THAT(Predict(server, request).status.error_message(),
              HasSubstr("at most 3"));
}

TEST(CheckTest, TakesTheFolderEitherWay) {
  EXPECT_EQ(RunServer({kRepository, "--check"}).exit_code, 0);
  EXPECT_EQ(RunServer({"--check", kRepository}).exit_code, 0);
  EXPECT_EQ(
      RunServer({}, {absl::StrCat("UNROLL_CHECK=", UNROLL_MODELS)}).exit_code,
      0);
}

TEST(CheckTest, PrintsWhatWasUnderstood) {
  const Finished finished = RunServer({"--check", UNROLL_MODELS});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(finished.output, HasSubstr("langid version 1: ok"));
  EXPECT_THAT(finished.output,
              ContainsRegex("nonlinearity +tanh \\(configured\\)"));
}

TEST(CheckTest, ExitsWith1WhenAModelFails) {
  TempDirectory directory;
  std::filesystem::create_directory(directory.path() + "/broken");
  std::ofstream(directory.path() + "/broken/model.safetensors") << "rubbish";
  const Finished finished =
      RunServer({"--model-repository", directory.path(), "--check"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.output, HasSubstr("broken version 1: FAILED"));
}

TEST(StartTest, APortThatIsTakenIsNamed) {
  const ServerProcess server(UNROLL_MODELS);
  const Finished grpc =
      RunServer({kRepository, "--address=127.0.0.1", "--metrics-port=0",
                 absl::StrCat("--grpc-port=", server.grpc_port())});
  EXPECT_EQ(grpc.exit_code, 1);
  EXPECT_THAT(grpc.output, HasSubstr(absl::StrCat(server.grpc_port())));
  const Finished metrics =
      RunServer({kRepository, "--address=127.0.0.1", "--grpc-port=0",
                 absl::StrCat("--metrics-port=", server.metrics_port())});
  EXPECT_EQ(metrics.exit_code, 1);
  EXPECT_THAT(metrics.output, HasSubstr(absl::StrCat(server.metrics_port())));
}

TEST(StartTest, LogsAreJsonWhenAsked) {
  ServerProcess server(UNROLL_MODELS, {"--log-format=json"});
  server.Stop();
  EXPECT_THAT(server.process().output(),
              HasSubstr("\"level\":\"info\",\"message\":\"unroll-server"));
}

TEST(DrainTest, CallsUnderWayEndWellAndTheServerExitsWith0) {
  ServerProcess server(UNROLL_MODELS, {"--max-steps=1000000", "--workers=1"});
  v1::PredictStreamRequest request;
  request.set_model("langid");
  request.mutable_sequence()->mutable_token_ids()->mutable_ids()->Resize(20000,
                                                                         5);
  request.mutable_outputs()->add_results(v1::SCORES);
  // Each has begun (its first message is here) when the signal comes.
  constexpr int kStreams = 8;
  std::vector<std::thread> streams;
  std::vector<grpc::Status> statuses(kStreams);
  std::vector<int64_t> steps(kStreams);
  std::atomic<int> begun = 0;
  for (int i = 0; i < kStreams; ++i) {
    streams.emplace_back([&, i] {
      grpc::ClientContext context;
      const auto stub = server.Inference();
      const auto reader = stub->PredictStream(&context, request);
      v1::PredictStreamResponse message;
      bool first = true;
      while (reader->Read(&message)) {
        if (std::exchange(first, false)) ++begun;
        steps[i] += message.steps_size();
      }
      statuses[i] = reader->Finish();
    });
  }
  while (begun < kStreams) std::this_thread::yield();
  server.process().Signal(SIGTERM);
  server.process().WaitForOutput("draining");
  v1::PredictRequest late;
  late.set_model("langid");
  late.add_sequences()->set_text("too late");
  EXPECT_EQ(Predict(server, late).status.error_code(), grpc::UNAVAILABLE);
  for (std::thread& stream : streams) stream.join();
  EXPECT_EQ(server.process().Wait(), 0);
  for (int i = 0; i < kStreams; ++i) {
    EXPECT_TRUE(statuses[i].ok()) << statuses[i].error_message();
    EXPECT_EQ(steps[i], 20000);
  }
}

// A stream that is not read, so that it never ends by itself.
struct StuckStream {
  explicit StuckStream(const ServerProcess& server) : stub(server.Inference()) {
    v1::PredictStreamRequest request;
    request.set_model("langid");
    request.mutable_sequence()->mutable_token_ids()->mutable_ids()->Resize(
        1000000, 5);
    reader = stub->PredictStream(&context, request);
    v1::PredictStreamResponse message;
    EXPECT_TRUE(reader->Read(&message));
  }
  ~StuckStream() { context.TryCancel(); }
  std::unique_ptr<v1::SequenceInference::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::PredictStreamResponse>> reader;
};

TEST(DrainTest, PatienceEnds) {
  ServerProcess server(UNROLL_MODELS,
                       {"--max-steps=1000000", "--drain-timeout=50ms"});
  StuckStream stream(server);
  EXPECT_EQ(server.Stop(), 0);
  EXPECT_THAT(server.process().output(), HasSubstr("gave up"));
}

TEST(DrainTest, ASecondSignalExitsAtOnce) {
  ServerProcess server(UNROLL_MODELS,
                       {"--max-steps=1000000", "--drain-timeout=1h"});
  StuckStream stream(server);
  server.process().Signal(SIGTERM);
  server.process().WaitForOutput("draining");
  server.process().Signal(SIGINT);
  EXPECT_EQ(server.process().Wait(), 1);
}

// A cgroup with half a CPU more than one and 2 GiB, version 1 or 2.
class Cgroup {
 public:
  Cgroup() {
    const std::string root = "/sys/fs/cgroup";
    if (std::filesystem::exists(root + "/cpu/cpu.cfs_quota_us")) {
      path_ = root + "/cpu/unroll-test";
      mkdir(path_.c_str(), 0755);
      usable_ = Write("cpu.cfs_period_us", "100000") &&
                Write("cpu.cfs_quota_us", "150000");
    } else {
      path_ = root + "/unroll-test";
      mkdir(path_.c_str(), 0755);
      usable_ = Write("cpu.max", "150000 100000");
    }
  }
  ~Cgroup() { rmdir(path_.c_str()); }

  bool usable() const { return usable_; }
  // Moves the calling process into it.
  void Enter() const { Write("cgroup.procs", std::to_string(getpid())); }

 private:
  bool Write(const std::string& file, const std::string& text) const {
    std::ofstream stream(path_ + "/" + file);
    stream << text << std::flush;
    return stream.good();
  }

  std::string path_;
  bool usable_ = false;
};

TEST(QuotaTest, WorkersFollowTheCpuQuotaRoundedDown) {
  const Cgroup cgroup;
  if (!cgroup.usable()) {
    GTEST_SKIP() << "NO CGROUP CAN BE MADE HERE: THE QUOTA IS NOT TESTED";
  }
  ServerProcess server(UNROLL_MODELS, {},
                       {.before_exec = [&] { cgroup.Enter(); }});
  EXPECT_THAT(server.process().output(),
              HasSubstr("threads: 1 workers (CPU quota 1.5)"));
  v1::PredictRequest request;
  request.set_model("langid");
  for (int i = 0; i < 100; ++i) request.add_sequences()->set_text("quota");
  EXPECT_TRUE(Predict(server, request).status.ok());
  EXPECT_EQ(server.Stop(), 0);
}

}  // namespace
}  // namespace unroll
