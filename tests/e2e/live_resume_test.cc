// Live sequences of the client library outlive their servers: nothing is lost,
// nothing comes twice, and every bit is that of an undisturbed run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/live_sequence.h"
#include "tests/support/live.h"
#include "tests/support/predict.h"
#include "tests/support/state_tokens.h"
#include "tests/support/temp_directory.h"

namespace unroll::testing {
namespace {

using client::LiveOptions;
using client::LiveSequence;

v1::LiveOpening Opening() {
  v1::LiveOpening opening;
  opening.set_model("langid");
  opening.mutable_outputs()->add_results(v1::HIDDEN);
  opening.mutable_outputs()->add_results(v1::FINAL_STATE);
  opening.mutable_outputs()->add_results(v1::STATE_TOKEN);
  return opening;
}

// Two servers behind fixed addresses, with one file of keys.
class TwoServers {
 public:
  // `flags`: of the second, besides.
  explicit TwoServers(std::vector<std::string> flags = {})
      : flags_(std::move(flags)) {
    for (int i = 0; i < 2; ++i) Start(i);
  }
  void Kill(int i) {
    servers_[i]->process().Signal(SIGKILL);
    servers_[i]->process().Wait();
  }
  void Start(int i) {
    std::vector<std::string> flags = {absl::StrCat("--grpc-port=", ports_[i]),
                                      "--state-key-file=" + keys_};
    if (i == 1) flags.insert(flags.end(), flags_.begin(), flags_.end());
    servers_[i] = std::make_unique<ServerProcess>(UNROLL_MODELS, flags);
  }
  ServerProcess& operator[](int i) { return *servers_[i]; }
  std::vector<std::string> addresses(int first = 0) const {
    const auto address = [&](int i) {
      return absl::StrCat("127.0.0.1:", ports_[i]);
    };
    return {address(first), address(1 - first)};
  }

 private:
  const std::vector<std::string> flags_;
  TempDirectory directory_;
  const std::string keys_ = directory_.Write("keys", StateKeyLine('k'));
  const std::array<int, 2> ports_ = {FreePort(), FreePort()};
  std::array<std::unique_ptr<ServerProcess>, 2> servers_;
};

// How far streams may go, and how far they all have got.
class Progress {
 public:
  void Allow(int64_t steps) {
    const std::lock_guard lock(mutex_);
    allowed_ = steps;
    changed_.notify_all();
  }
  void WaitUntilAllowed(int64_t steps) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return steps <= allowed_; });
  }
  void Got(int64_t steps) {
    const std::lock_guard lock(mutex_);
    got_ += steps;
    changed_.notify_all();
  }
  void WaitUntilGot(int64_t steps) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return got_ >= steps; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t allowed_ = 0;  // of each
  int64_t got_ = 0;      // of all
};

std::string RandomText(uint32_t seed, int64_t steps) {
  std::mt19937 random(seed);
  std::string text;
  for (int64_t i = 0; i < steps; ++i) {
    text += "abcdefghij klmnopqrstuvwxyz"[random() % 27];
  }
  return text;
}

v1::SequenceResult Predicted(const ServerProcess& server,
                             const std::string& text) {
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text(text);
  *request.mutable_outputs() = Opening().outputs();
  const auto reply = Predict(server, request);
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  return reply.response.results(0);
}

// What has come of a stream, against what was predicted.
class Results {
 public:
  explicit Results(const v1::SequenceResult& want) : want_(want) {}

  // False: wrong.
  bool Add(const v1::LiveResponse& response) {
    for (const int64_t step : response.steps()) {
      if (step != steps_++) return false;
    }
    token_ids_.insert(token_ids_.end(), response.token_ids().begin(),
                      response.token_ids().end());
    if (response.has_final()) final_ = response.final();
    const std::string& hidden = response.hidden().data();
    const std::string& all = want_.hidden().data();
    if (hidden != all.substr(std::min(bytes_, all.size()), hidden.size())) {
      return false;
    }
    bytes_ += hidden.size();
    return true;
  }

  void ExpectAll() const {
    EXPECT_EQ(bytes_, want_.hidden().data().size());
    EXPECT_EQ(final_.final_state().tensors().at("h").data(),
              want_.final_state().tensors().at("h").data());
    EXPECT_EQ(final_.steps_done(), want_.steps_done());
    EXPECT_THAT(token_ids_, ::testing::ElementsAreArray(want_.token_ids()));
  }
  int64_t steps() const { return steps_; }

 private:
  const v1::SequenceResult& want_;
  int64_t steps_ = 0;
  size_t bytes_ = 0;  // of hidden
  std::vector<int64_t> token_ids_;
  v1::StreamEnd final_;
};

// One stream to its end, or to the first wrong result, in pieces of 1 to 8
// characters; how often it was resumed.
int64_t RunStream(const TwoServers& servers, uint32_t seed,
                  const std::string& text, const v1::SequenceResult& want,
                  Progress& progress) {
  LiveSequence live(
      LiveOptions{.addresses = servers.addresses(static_cast<int>(seed % 2))},
      Opening());
  std::thread sender([&] {
    std::mt19937 random(seed);
    for (size_t begin = 0; begin < text.size();) {
      v1::LiveRequest request;
      request.set_text(text.substr(begin, 1 + random() % 8));
      begin += request.text().size();
      progress.WaitUntilAllowed(static_cast<int64_t>(begin));
      if (!live.Send(std::move(request)).ok()) return;
    }
    live.HalfClose();
  });
  Results results(want);
  v1::LiveResponse response;
  while (live.Read(response)) {
    if (!results.Add(response)) {
      ADD_FAILURE() << "wrong before step " << results.steps();
      live.Cancel();
    }
    progress.Got(response.steps_size());
  }
  EXPECT_TRUE(live.Finish().ok()) << live.Finish();
  EXPECT_TRUE(live.exact());
  if (live.Finish().ok()) results.ExpectAll();
  // If it failed, nobody is to wait for it.
  progress.Got(std::ssize(text) - results.steps());
  sender.join();
  return live.resumptions();
}

TEST(LiveResumeTest, FiftyKillsUnderSixtyFourStreamsChangeNothing) {
  constexpr int kStreams = 64, kKills = 50;
  constexpr int64_t kStepsAKill = 12;
  TwoServers servers;
  Progress progress;
  std::atomic<int64_t> resumptions = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kStreams; ++i) {
    const std::string text = RandomText(i, kKills * kStepsAKill);
    threads.emplace_back([&, i, text, want = Predicted(servers[0], text)] {
      resumptions += RunStream(servers, i, text, want, progress);
    });
  }
  std::mt19937 random(1);
  for (int kill = 0; kill < kKills; ++kill) {
    progress.Allow((kill + 1) * kStepsAKill);
    // In the middle of them. (A piece may have to wait for the next turn.)
    const int64_t most = kStreams * (kStepsAKill - 8);
    progress.WaitUntilGot(kStreams * kill * kStepsAKill +
                          static_cast<int64_t>(random() % most));
    servers.Kill(kill % 2);
    servers.Start(kill % 2);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(resumptions, kKills);
  RecordProperty("resumptions", static_cast<int>(resumptions));
}

TEST(LiveResumeTest, ADrainedServersSequencesGoOnAtTheNext) {
  TwoServers servers;
  Progress progress;
  progress.Allow(100);
  const std::string text = RandomText(0, 200);
  const v1::SequenceResult want = Predicted(servers[1], text);
  int64_t resumptions = 0;
  std::thread stream(
      [&] { resumptions = RunStream(servers, 0, text, want, progress); });
  progress.WaitUntilGot(90);
  EXPECT_EQ(servers[0].Stop(), 0);
  progress.Allow(200);
  stream.join();
  EXPECT_EQ(resumptions, 1);
  EXPECT_EQ(
      servers[1].Metric("unroll_sequences_resumed_total", "model=\"langid\""),
      1);
}

// Also where all steps are sent again, since the first server had no time to
// give a token of any.
TEST(LiveResumeTest, OtherNumericsAreToldOrRefused) {
  for (const bool require_exact : {false, true}) {
    TwoServers servers({"--rnn-kernel=primitive"});
    v1::LiveOpening opening = Opening();
    opening.set_require_exact(require_exact);
    LiveSequence live(LiveOptions{.addresses = servers.addresses()}, opening);
    v1::LiveRequest request;
    request.set_text("abc");
    ASSERT_TRUE(live.Send(request).ok());
    v1::LiveResponse response;
    int64_t next = 0;
    const auto read = [&] {
      if (!live.Read(response)) return false;
      for (const int64_t step : response.steps()) EXPECT_EQ(step, next++);
      return true;
    };
    while (next < 3) ASSERT_TRUE(read()) << live.Finish();
    EXPECT_TRUE(live.exact());
    servers.Kill(0);
    (void)live.Send(request);
    live.HalfClose();
    while (read()) {
    }
    if (require_exact) {
      EXPECT_EQ(live.Finish().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(next, 3);
    } else {
      EXPECT_TRUE(live.Finish().ok()) << live.Finish();
      EXPECT_EQ(next, 6);
      EXPECT_EQ(live.resumptions(), 1);
      EXPECT_FALSE(live.exact());
    }
  }
}

TEST(LiveResumeTest, WhatNoServerCanHelpEndsTheSequence) {
  TwoServers servers;
  v1::LiveOpening opening = Opening();
  opening.set_model("nobody");
  v1::LiveResponse response;
  LiveSequence unknown(LiveOptions{.addresses = servers.addresses()}, opening);
  EXPECT_FALSE(unknown.Read(response));
  EXPECT_EQ(unknown.Finish().code(), absl::StatusCode::kNotFound);

  LiveSequence live(LiveOptions{.addresses = servers.addresses()}, Opening());
  v1::LiveRequest request;
  request.set_text(std::string(33, 'a'));
  EXPECT_EQ(live.Send(request).code(), absl::StatusCode::kInvalidArgument);
  request.mutable_token_ids()->add_ids(1 << 20);
  EXPECT_TRUE(live.Send(request).ok());
  while (live.Read(response)) {
  }
  EXPECT_EQ(live.Finish().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(live.Send(request).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(live.resumptions(), 0);
}

TEST(LiveResumeTest, PatienceEnds) {
  LiveSequence live(
      LiveOptions{.addresses = {absl::StrCat("127.0.0.1:", FreePort())},
                  .patience = absl::ZeroDuration()},
      Opening());
  v1::LiveResponse response;
  EXPECT_FALSE(live.Read(response));
  EXPECT_EQ(live.Finish().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace unroll::testing
