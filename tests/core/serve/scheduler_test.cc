#include "core/serve/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <random>

#include "core/serve/reason.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/notification.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using unroll::testing::ExpectClose;
using unroll::testing::Flatten;
using unroll::testing::IsOk;
using unroll::testing::NaiveRnn;
using unroll::testing::Notification;
using unroll::testing::RandomFloats;
using unroll::testing::RandomModel;
using unroll::testing::RandomModelOptions;
using unroll::testing::ToMatrix;

// A clock that stands still until it is set.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }
  void Advance(absl::Duration duration) {
    MutexLock lock(mutex_);
    now_ += duration;
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1000);
};

class Records final : public Observer {
 public:
  void OnSequence(const SequenceRecord& record) override {
    MutexLock lock(mutex_);
    codes_.push_back(record.status.code());
    steps_ += record.steps;
  }
  void OnBatch(const BatchRecord& record) override {
    MutexLock lock(mutex_);
    if (record.sequences == 0) return;
    batch_sequences_.push_back(record.sequences);
    rows_ += record.rows;
  }
  std::vector<absl::StatusCode> codes() const {
    MutexLock lock(mutex_);
    return codes_;
  }
  std::vector<int64_t> batch_sequences() const {
    MutexLock lock(mutex_);
    return batch_sequences_;
  }
  int64_t rows() const {
    MutexLock lock(mutex_);
    return rows_;
  }
  int64_t steps() const {
    MutexLock lock(mutex_);
    return steps_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<absl::StatusCode> codes_ ABSL_GUARDED_BY(mutex_);
  std::vector<int64_t> batch_sequences_ ABSL_GUARDED_BY(mutex_);
  int64_t rows_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t steps_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Keeps all that a sequence gives. Read it after WaitUntilDone.
class Sink final : public SequenceSink {
 public:
  bool OnSteps(const StepResults& results) override {
    for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
      steps.push_back(results.steps()[i]);
      const auto row = results.hidden(i);
      hidden.insert(hidden.end(), row.begin(), row.end());
    }
    for (int64_t i = 0; i < results.score_rows(); ++i) {
      const auto row = results.scores(i);
      scores.insert(scores.end(), row.begin(), row.end());
    }
    ++messages;
    return !on_steps || on_steps();
  }
  void OnDone(const SequenceEnd& end) override {
    ++ends;
    status = end.status;
    if (!end.state.empty()) h_n = end.state[0].values;
    done_.Notify();
  }
  void WaitUntilDone() { done_.WaitForNotification(); }

  std::function<bool()> on_steps;
  std::vector<int64_t> steps;
  std::vector<float> hidden, scores, h_n;
  absl::Status status;
  int messages = 0;
  std::atomic<int> ends = 0;

 private:
  Notification done_;
};

class SchedulerTest : public ::testing::Test {
 protected:
  // Nothing runs on the caller's thread unless `handover` is given.
  void Make(const RandomModelOptions& options, Scheduler::Options scheduler,
            absl::Duration handover = -absl::Nanoseconds(1)) {
    scheduler.policy.handover = handover;
    model_ = RandomModel(options, generator_);
    auto network =
        Network::Create(model_.info, model_.weights,
                        {.max_rows = scheduler.policy.max_batch_rows});
    ASSERT_TRUE(network.ok()) << network.status();
    served_ =
        std::make_shared<const ServedModel>(model_.info, *std::move(network));
    scheduler_.emplace(scheduler, clock_, records_);
  }
  void MakeSmall(int64_t workers = 1) {
    Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
         {.workers = workers});
  }

  SequenceRequest Request(const std::vector<float>& features, Sink& sink) {
    SequenceRequest request;
    request.model = served_;
    request.features = features.data();
    request.steps = std::ssize(features) / model_.info.spec.input_size;
    request.wants_scores = model_.info.head.has_value();
    request.sink = &sink;
    return request;
  }
  std::vector<float> Features(int64_t steps) {
    return RandomFloats(steps * model_.info.spec.input_size, generator_);
  }
  std::shared_ptr<Sequence> Submit(SequenceRequest request) {
    auto sequence = std::make_shared<Sequence>(std::move(request));
    EXPECT_TRUE(scheduler_->Submit({&sequence, 1}).ok());
    return sequence;
  }

  // Keeps the only worker busy until `release`.
  struct Blocker {
    Sink sink;
    std::vector<float> features;
    Notification running, release;
  };
  void Block(Blocker& blocker) {
    blocker.features = Features(1);
    blocker.sink.on_steps = [&] {
      blocker.running.Notify();
      blocker.release.WaitForNotification();
      return true;
    };
    Submit(Request(blocker.features, blocker.sink));
    blocker.running.WaitForNotification();
  }

  std::mt19937 generator_{5};
  FakeClock clock_;
  Records records_;
  Model model_;
  std::shared_ptr<const ServedModel> served_;
  std::optional<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, ManySequencesOnTwoWorkersEachEndOnceAndAreRight) {
  Make({.spec = {.input_size = 6, .hidden_size = 20, .num_layers = 2},
        .head = HeadSpec{.layers = {{3}}}},
       {.workers = 2, .policy = {.max_batch_rows = 8}},
       /*handover=*/absl::Microseconds(10));
  constexpr int kSequences = 300;
  std::vector<Sink> sinks(kSequences);
  std::vector<std::vector<float>> features, h_0;
  for (int i = 0; i < kSequences; ++i) {
    features.push_back(Features(1 + generator_() % 40));
    h_0.push_back(RandomFloats(2 * 20, generator_));
  }
  for (int i = 0; i < kSequences; ++i) {
    SequenceRequest request = Request(features[i], sinks[i]);
    request.state = {{{2, 20}, h_0[i]}};
    Submit(std::move(request));
  }
  int64_t steps = 0;
  for (int i = 0; i < kSequences; ++i) {
    sinks[i].WaitUntilDone();
    const auto want =
        NaiveRnn(model_, ToMatrix(features[i], 6), ToMatrix(h_0[i], 20));
    ASSERT_TRUE(sinks[i].status.ok());
    ASSERT_EQ(sinks[i].ends, 1);
    ASSERT_EQ(sinks[i].steps.size(), want.hidden.size());
    for (size_t t = 0; t < want.hidden.size(); ++t) {
      ASSERT_EQ(sinks[i].steps[t], static_cast<int64_t>(t));
    }
    ExpectClose(sinks[i].hidden, Flatten(want.hidden), "hidden");
    ExpectClose(sinks[i].scores, Flatten(want.scores), "scores");
    ExpectClose(sinks[i].h_n, Flatten(want.h_n), "h_n");
    steps += std::ssize(want.hidden);
  }
  EXPECT_TRUE(scheduler_->Drain(absl::Minutes(1)));
  EXPECT_EQ(records_.steps(), steps);
  EXPECT_EQ(records_.rows(), steps);
  EXPECT_EQ(records_.codes().size(), size_t{kSequences});
  EXPECT_EQ(scheduler_->load().ready + scheduler_->load().running, 0);
}

TEST_F(SchedulerTest, WhatWaitsSharesABatch) {
  MakeSmall();
  Blocker blocker;
  Block(blocker);
  std::vector<Sink> sinks(10);
  const std::vector<float> features = Features(2);
  for (Sink& sink : sinks) Submit(Request(features, sink));
  EXPECT_EQ(scheduler_->load().ready, 10);
  blocker.release.Notify();
  for (Sink& sink : sinks) sink.WaitUntilDone();
  EXPECT_EQ(records_.batch_sequences()[1], 10);
}

TEST_F(SchedulerTest, WorkAheadIsWaitedForOnceABatchIsFull) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.max_batch_rows = 3}});
  Blocker blocker;
  Block(blocker);
  std::vector<Sink> sinks(2);
  const std::vector<float> features = Features(2000);
  Submit(Request(features, sinks[0]));
  EXPECT_EQ(*scheduler_->PredictedWait(), absl::ZeroDuration())
      << "a newcomer would join";
  const auto last = Submit(Request(features, sinks[1]));
  EXPECT_GT(*scheduler_->PredictedWait(), absl::ZeroDuration());
  scheduler_->Cancel(last, absl::CancelledError("test"));
  EXPECT_EQ(*scheduler_->PredictedWait(), absl::ZeroDuration());
  blocker.release.Notify();
  EXPECT_TRUE(scheduler_->Drain(absl::Minutes(1)));
  EXPECT_EQ(scheduler_->PredictedWait().status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(SchedulerTest, WhatCannotEndInTimeIsRefusedOnceBatchesAreFull) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.max_batch_rows = 3}});
  Blocker blocker;
  Block(blocker);
  std::vector<Sink> sinks(4);
  const std::vector<float> long_one = Features(2000), short_one = Features(1);
  const auto request = [&](const std::vector<float>& features, Sink& sink) {
    SequenceRequest request = Request(features, sink);
    request.deadline = clock_.Now() + absl::Microseconds(100);
    return std::make_shared<Sequence>(std::move(request));
  };
  Submit(Request(short_one, sinks[0]));
  auto sequence = request(long_one, sinks[1]);
  EXPECT_THAT(scheduler_->Submit({&sequence, 1}), IsOk()) << "there is place";
  sequence = request(long_one, sinks[2]);
  const absl::Status refused = scheduler_->Submit({&sequence, 1});
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("for 2000 steps, the deadline is "
                                           "in 100us"));
  EXPECT_EQ(ReasonOf(refused), Reason::kQueueTooLong);
  EXPECT_TRUE(RetryDelayOf(refused));
  Submit(Request(long_one, sinks[3]));  // has no deadline
  blocker.release.Notify();
  EXPECT_TRUE(scheduler_->Drain(absl::Minutes(1)));
}

TEST_F(SchedulerTest, ADivergedSequenceEndsWithOutOfRange) {
  Make({.spec = {.input_size = 1,
                 .hidden_size = 1,
                 .num_layers = 1,
                 .nonlinearity = Nonlinearity::kRelu,
                 .bias = false}},
       {.workers = 1});
  model_.weights.layers[0].weight_ih.values = {1.0f};
  model_.weights.layers[0].weight_hh.values = {100.0f};
  served_ = std::make_shared<const ServedModel>(
      model_.info, *Network::Create(model_.info, model_.weights, {}));
  // 100^t passes float32's 3.4e38 at step 20.
  const std::vector<float> diverging(100, 1.0f), short_one(10, 1.0f);
  Sink sink, other;
  Submit(Request(diverging, sink));
  Submit(Request(short_one, other));
  sink.WaitUntilDone();
  other.WaitUntilDone();
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(other.status.ok()) << other.status;
}

TEST_F(SchedulerTest, ANewcomerJoinsWhileALongSequenceRuns) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.quantum = absl::Microseconds(1)}});
  const std::vector<float> long_features = Features(50000);
  const std::vector<float> short_features = Features(3);
  Sink long_sink, short_sink;
  Notification begun, submitted;
  long_sink.on_steps = [&] {
    if (!begun.HasBeenNotified()) begun.Notify();
    submitted.WaitForNotification();
    return true;
  };
  short_sink.on_steps = [&] {
    EXPECT_EQ(long_sink.ends, 0);
    return true;
  };
  Submit(Request(long_features, long_sink));
  begun.WaitForNotification();
  Submit(Request(short_features, short_sink));
  submitted.Notify();
  short_sink.WaitUntilDone();
  long_sink.WaitUntilDone();
  EXPECT_THAT(records_.batch_sequences(), ::testing::Contains(2));
}

TEST_F(SchedulerTest, ALongSequenceOfOneModelDoesNotHoldUpAnother) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.quantum = absl::Microseconds(1)}});
  const auto other = std::make_shared<const ServedModel>(
      model_.info, *Network::Create(model_.info, model_.weights, {}));
  const std::vector<float> long_features = Features(50000);
  const std::vector<float> short_features = Features(300);
  Sink long_sink, short_sink;
  Notification begun, submitted;
  long_sink.on_steps = [&] {
    if (!begun.HasBeenNotified()) begun.Notify();
    submitted.WaitForNotification();
    return true;
  };
  short_sink.on_steps = [&] {
    EXPECT_EQ(long_sink.ends, 0);
    return true;
  };
  Submit(Request(long_features, long_sink));
  begun.WaitForNotification();
  SequenceRequest request = Request(short_features, short_sink);
  request.model = other;
  Submit(std::move(request));
  submitted.Notify();
  short_sink.WaitUntilDone();
  long_sink.WaitUntilDone();
}

TEST_F(SchedulerTest, OnlyWantedStepsAreDelivered) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.quantum = absl::Microseconds(1)}});
  const std::vector<float> features = Features(100);
  Sink last, indices;
  SequenceRequest request = Request(features, last);
  request.selection.kind = StepSelection::kLast;
  Submit(std::move(request));
  request = Request(features, indices);
  request.selection = {StepSelection::kIndices, {0, 41, 98}};
  Submit(std::move(request));
  last.WaitUntilDone();
  indices.WaitUntilDone();
  EXPECT_THAT(last.steps, ElementsAre(99));
  EXPECT_THAT(indices.steps, ElementsAre(0, 41, 98));
}

TEST_F(SchedulerTest, ABidirectionalSequenceComesWholeAndAtOnce) {
  Make(
      {.spec = {.input_size = 3,
                .hidden_size = 8,
                .num_layers = 2,
                .directions = 2},
       .head = HeadSpec{.layers = {{2}}, .applied_to = AppliedTo::kFinalState}},
      {.workers = 1, .policy = {.quantum = absl::Microseconds(1)}});
  const std::vector<float> features = Features(30);
  Sink sink;
  Submit(Request(features, sink));
  sink.WaitUntilDone();
  const auto want = NaiveRnn(model_, ToMatrix(features, 3));
  EXPECT_EQ(sink.messages, 1);
  ExpectClose(sink.hidden, Flatten(want.hidden), "hidden");
  ExpectClose(sink.scores, Flatten(want.scores), "scores");
}

TEST_F(SchedulerTest, AWaitingSequenceIsCancelledAtOnce) {
  MakeSmall();
  Blocker blocker;
  Block(blocker);
  Sink sink;
  const std::vector<float> features = Features(2);
  const auto sequence = Submit(Request(features, sink));
  scheduler_->Cancel(sequence, absl::CancelledError("test"));
  EXPECT_EQ(sink.ends, 1);
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kCancelled);
  scheduler_->Cancel(sequence, absl::CancelledError("test"));
  EXPECT_EQ(sink.ends, 1) << "an ended one stays as it is";
  blocker.release.Notify();
  blocker.sink.WaitUntilDone();
  EXPECT_EQ(records_.rows(), 1) << "nothing of it was run";
}

TEST_F(SchedulerTest, ARunningSequenceIsCancelledAfterItsBatch) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.quantum = absl::Microseconds(1)}});
  const std::vector<float> features = Features(50000);
  Sink sink;
  std::shared_ptr<Sequence> sequence;
  Notification running, cancelled;
  sink.on_steps = [&] {
    if (!running.HasBeenNotified()) running.Notify();
    cancelled.WaitForNotification();
    return true;
  };
  sequence = Submit(Request(features, sink));
  running.WaitForNotification();
  scheduler_->Cancel(sequence, absl::CancelledError("test"));
  EXPECT_EQ(sink.ends, 0);
  cancelled.Notify();
  sink.WaitUntilDone();
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(sink.messages, 1);
}

TEST_F(SchedulerTest, APausedSequenceRunsOnAfterResume) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1, .policy = {.quantum = absl::Microseconds(1)}});
  const std::vector<float> features = Features(200);
  Sink slow, other;
  Notification paused;
  slow.on_steps = [&] {
    if (slow.messages > 1) return true;
    paused.Notify();
    return false;
  };
  const auto sequence = Submit(Request(features, slow));
  paused.WaitForNotification();
  // The worker is free for another, and done with the slow one's batch by then.
  Submit(Request(features, other));
  other.WaitUntilDone();
  EXPECT_EQ(slow.messages, 1);
  EXPECT_EQ(scheduler_->load().paused, 1);
  scheduler_->Resume(sequence);
  slow.WaitUntilDone();
  EXPECT_EQ(std::ssize(slow.steps), 200);
}

TEST_F(SchedulerTest, ASequencePastItsDeadlineIsNotRun) {
  MakeSmall();
  Blocker blocker;
  Block(blocker);
  Sink sink;
  const std::vector<float> features = Features(2);
  SequenceRequest request = Request(features, sink);
  request.deadline = clock_.Now() + absl::Seconds(1);
  Submit(std::move(request));
  clock_.Advance(absl::Seconds(1));
  blocker.release.Notify();
  sink.WaitUntilDone();
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(scheduler_->Drain(absl::Minutes(1)));
  EXPECT_EQ(records_.rows(), 1);
}

TEST_F(SchedulerTest, WhatIsShortRunsOnTheThreadThatBringsIt) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1}, /*handover=*/absl::Seconds(1));
  const std::vector<float> features = Features(10);
  std::thread::id thread;
  Sink sink;
  sink.on_steps = [&] {
    thread = std::this_thread::get_id();
    return true;
  };
  Submit(Request(features, sink));
  EXPECT_EQ(sink.ends, 1) << "before Submit returned";
  EXPECT_EQ(thread, std::this_thread::get_id());
  ExpectClose(sink.hidden,
              Flatten(NaiveRnn(model_, ToMatrix(features, 3)).hidden),
              "hidden");
}

TEST_F(SchedulerTest, WhatIsShortWaitsForItsTurnWhileAllWorkersAreBusy) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1}, /*handover=*/absl::Microseconds(1));
  const std::vector<float> long_features = Features(5000),
                           features = Features(1);
  Sink long_sink, sink;
  Notification running, release;
  long_sink.on_steps = [&] {
    if (!running.HasBeenNotified()) running.Notify();
    release.WaitForNotification();
    return true;
  };
  Submit(Request(long_features, long_sink));
  running.WaitForNotification();
  Submit(Request(features, sink));
  EXPECT_EQ(sink.ends, 0);
  EXPECT_EQ(scheduler_->load().ready, 1);
  release.Notify();
  sink.WaitUntilDone();
  long_sink.WaitUntilDone();
}

// Submits one more of its kind at each end.
class Chain final : public SequenceSink {
 public:
  Chain(Scheduler& scheduler, SequenceRequest request, int64_t count)
      : scheduler_(scheduler), request_(std::move(request)), left_(count) {
    request_.sink = this;
  }
  void Next() {
    const auto sequence = std::make_shared<Sequence>(request_);
    EXPECT_THAT(scheduler_.Submit({&sequence, 1}), IsOk());
  }
  bool OnSteps(const StepResults&) override { return true; }
  void OnDone(const SequenceEnd&) override {
    if (--left_ > 0) return Next();
    done_.Notify();
  }
  void WaitUntilDone() { done_.WaitForNotification(); }

 private:
  Scheduler& scheduler_;
  SequenceRequest request_;
  int64_t left_;
  Notification done_;
};

TEST_F(SchedulerTest, AChainOfShortOnesDoesNotNest) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 1}, /*handover=*/absl::Seconds(1));
  const std::vector<float> features = Features(1);
  Sink unused;
  // More than a stack would hold.
  Chain chain(*scheduler_, Request(features, unused), 100'000);
  chain.Next();
  chain.WaitUntilDone();
}

TEST_F(SchedulerTest, SilenceIsNoticedWhenNoWorkerRanTheSteps) {
  Make({.spec = {.input_size = 3, .hidden_size = 8, .num_layers = 1}},
       {.workers = 2, .idle_timeout = absl::Milliseconds(20)},
       /*handover=*/absl::Seconds(1));
  Sink sink;
  SequenceRequest request;
  request.model = served_;
  request.live = true;
  request.window = 4;
  request.sink = &sink;
  const auto sequence = Submit(std::move(request));
  EXPECT_THAT(
      scheduler_->Append(sequence, {.count = 1, .features = Features(1)}),
      IsOk());
  EXPECT_EQ(sink.messages, 1);
  EXPECT_EQ(sink.ends, 0);
  clock_.Advance(absl::Milliseconds(20));
  sink.WaitUntilDone();
  EXPECT_EQ(ReasonOf(sink.status), Reason::kExpired);
}

TEST_F(SchedulerTest, DrainLetsWorkEndAndRefusesNewWork) {
  MakeSmall(2);
  std::vector<Sink> sinks(20);
  const std::vector<float> features = Features(500);
  for (Sink& sink : sinks) Submit(Request(features, sink));
  EXPECT_TRUE(scheduler_->Drain(absl::Minutes(1)));
  for (Sink& sink : sinks) {
    EXPECT_TRUE(sink.status.ok());
    EXPECT_EQ(sink.ends, 1);
  }
  Sink late;
  const auto sequence = std::make_shared<Sequence>(Request(features, late));
  const auto refused = scheduler_->Submit({&sequence, 1});
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(late.ends, 0);
}

TEST_F(SchedulerTest, ImpatientDrainEndsTheRestWithUnavailable) {
  MakeSmall();
  Blocker blocker;
  Block(blocker);
  std::vector<Sink> sinks(5);
  const std::vector<float> features = Features(10);
  for (Sink& sink : sinks) Submit(Request(features, sink));
  std::thread drain(
      [&] { EXPECT_FALSE(scheduler_->Drain(absl::ZeroDuration())); });
  for (Sink& sink : sinks) sink.WaitUntilDone();
  blocker.release.Notify();
  drain.join();
  for (Sink& sink : sinks) {
    EXPECT_EQ(sink.status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(sink.ends, 1);
  }
  EXPECT_EQ(blocker.sink.ends, 1);
}

}  // namespace
}  // namespace unroll
