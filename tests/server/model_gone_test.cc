// What a Live call is told when its model goes. No server unloads one yet: the
// test does what one will do then, with the service in this process.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "core/load/repository.h"
#include "core/serve/reason.h"
#include "server/services.h"
#include "tests/support/live.h"
#include "tests/support/temp_directory.h"

namespace unroll::server {
namespace {

using unroll::testing::LiveReply;
using unroll::testing::LiveStream;

// All that a server has but for flags, signals and metrics' port.
struct Service {
  explicit Service(const std::string& repository)
      : models(*ListRepository(repository), {}, admission) {
    models.LoadAll([](const ModelRegistry::Entry&) { return true; });
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&inference);
    server = builder.BuildAndStart();
    channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                                  grpc::InsecureChannelCredentials());
  }
  ~Service() {
    server->Shutdown();
    server->Wait();
  }

  RealClock clock;
  Admission admission{
      {.memory_limit = int64_t{1} << 30, .max_queue_time = absl::Minutes(1)}};
  ModelRegistry models;
  const std::unique_ptr<StateKeyRing> state_keys = *StateKeyRing::Open("");
  Metrics metrics{models.Names()};
  Scheduler scheduler{{}, clock, metrics};
  KeptSequences kept_sequences{{}, clock, admission};
  InferStatistics infer_statistics;
  CallGate gate;
  DrainNotice drain_notice;
  CallEnvironment environment{.clock = clock,
                              .models = models,
                              .admission = admission,
                              .scheduler = scheduler,
                              .metrics = metrics,
                              .gate = gate,
                              .drain_notice = drain_notice,
                              .state_keys = *state_keys,
                              .kept_sequences = kept_sequences,
                              .infer_statistics = infer_statistics,
                              .max_steps = 100,
                              .max_message_bytes = 1 << 20,
                              .idle_timeout = absl::Minutes(10)};
  SequenceInferenceService inference{environment};
  std::unique_ptr<grpc::Server> server;
  std::shared_ptr<grpc::Channel> channel;
};

v1::LiveOpening Opening(const std::string& model) {
  v1::LiveOpening opening;
  opening.set_model(model);
  return opening;
}

TEST(ModelGoneTest, ItsLiveSequencesEndWithATokenAndOthersGoOn) {
  const unroll::testing::TempDirectory directory;
  for (const char* name : {"going", "staying"}) {
    std::filesystem::copy(std::string(UNROLL_MODELS) + "/langid",
                          directory / name,
                          std::filesystem::copy_options::recursive);
  }
  Service service(directory.path());
  LiveStream gone(service.channel), other(service.channel);
  gone.Open(Opening("going"));
  gone.Text("abc");
  LiveReply reply, others;
  gone.ReadSteps(1, reply);  // all three have been accepted
  other.Open(Opening("staying"));
  ASSERT_TRUE(other.Read(others));

  service.scheduler.CloseLive(
      **service.models.Find("going", 0),
      WithReason(absl::UnavailableError("the model was unloaded"),
                 Reason::kModelGone));
  reply = gone.Finish(std::move(reply));
  EXPECT_EQ(reply.status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(unroll::testing::ReasonOf(reply.status), "unroll/MODEL_GONE");
  EXPECT_EQ(reply.steps.size(), 3);
  ASSERT_TRUE(reply.ended);
  EXPECT_EQ(reply.ended->last_step(), 2);
  EXPECT_FALSE(reply.ended->state_token().empty());

  other.Text("on");
  other.HalfClose();
  others = other.Finish(std::move(others));
  EXPECT_TRUE(others.status.ok()) << others.status.error_message();
  EXPECT_EQ(others.steps.size(), 2);
}

}  // namespace
}  // namespace unroll::server
