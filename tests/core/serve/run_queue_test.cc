#include "core/serve/run_queue.h"

#include <gtest/gtest.h>

#include <random>

#include "core/serve/reason.h"
#include "tests/support/random_model.h"
#include "tests/support/silent_observer.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using unroll::testing::IsOk;
using unroll::testing::RandomFloats;
using unroll::testing::RandomModel;
using unroll::testing::SilentObserver;

class SteppedClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1000);
};

class TickingClock final : public Clock {
 public:
  absl::Time Now() const override { return now_ += absl::Microseconds(10); }

 private:
  mutable absl::Time now_ = absl::FromUnixSeconds(1000);
};

// Counts steps and keeps the states on the way.
class Sink final : public SequenceSink {
 public:
  bool OnSteps(const StepResults& results) override {
    steps += std::ssize(results.steps());
    if (results.state()) state_steps.push_back(results.state()->steps);
    return accepts_more;
  }
  void OnDone(const SequenceEnd& end) override {
    status = end.status;
    has_state = !end.state.empty();
    steps_run = end.steps;
    ++ends;
  }

  bool accepts_more = true;
  int64_t steps = 0;
  std::vector<int64_t> state_steps;
  int ends = 0;
  absl::Status status;
  bool has_state = false;
  int64_t steps_run = -1;
};

class RunQueueTest : public ::testing::Test {
 protected:
  std::shared_ptr<const ServedModel> Serve(int64_t directions) {
    const Model model = RandomModel({.spec = {.input_size = 2,
                                              .hidden_size = 4,
                                              .num_layers = 2,
                                              .directions = directions}},
                                    generator_);
    auto network = Network::Create(model.info, model.weights, {});
    EXPECT_THAT(network.status(), IsOk());
    return std::make_shared<const ServedModel>(model.info, *std::move(network));
  }
  SequenceRequest Whole(const std::shared_ptr<const ServedModel>& model,
                        int64_t steps, Sink& sink) {
    SequenceRequest request;
    request.model = model;
    request.steps = steps;
    request.features = features_.data();
    request.sink = &sink;
    return request;
  }
  SequenceRequest Live(const std::shared_ptr<const ServedModel>& model,
                       Sink& sink) {
    SequenceRequest request;
    request.model = model;
    request.live = true;
    request.window = 4;
    request.sink = &sink;
    return request;
  }
  std::shared_ptr<Sequence> Submit(SequenceRequest request) {
    auto sequence = std::make_shared<Sequence>(std::move(request));
    EXPECT_THAT(queue_.Submit({&sequence, 1}, clock_.now), IsOk());
    return sequence;
  }
  Steps Some(int64_t count) {
    return {.count = count, .features = RandomFloats(2 * count, generator_)};
  }
  // One quantum of the one worker. False: nothing to do.
  bool RunOne() {
    auto batch = queue_.Take(clock_.now, ended_);
    const bool found = batch != nullptr;
    if (found) {
      batch->RunQuantum(clock_, nullptr, nobody_);
      queue_.Complete(std::move(batch), clock_.now, ended_);
    }
    TellEnds();
    return found;
  }
  void TellEnds() {
    for (const auto& [s, status] : ended_) s->TellEnd(status, nobody_);
    ended_.clear();
  }

  std::mt19937 generator_{5};
  const std::vector<float> features_ = RandomFloats(2000, generator_);
  SteppedClock clock_;
  TickingClock ticking_;
  SilentObserver nobody_;
  const RunQueue::Options options_ = {
      .policy = {.quantum = absl::Microseconds(5)},
      .max_live_age = absl::Hours(1)};
  RunQueue queue_{options_};
  RunQueue::Ended ended_;
};

TEST_F(RunQueueTest, ALiveSequenceRunsWhatComesAndEndsWhenClosed) {
  Sink sink;
  const auto live = Submit(Live(Serve(1), sink));
  EXPECT_FALSE(RunOne());
  EXPECT_EQ(queue_.load().waiting, 1);
  EXPECT_THAT(queue_.Append(live, Some(3), clock_.now), IsOk());
  queue_.AskForState(live, clock_.now);
  const absl::Status overrun = queue_.Append(live, Some(2), clock_.now);
  EXPECT_EQ(ReasonOf(overrun), Reason::kWindowOverrun);
  while (RunOne()) {
  }
  EXPECT_EQ(sink.steps, 3);
  EXPECT_EQ(sink.state_steps, std::vector<int64_t>{3});
  EXPECT_THAT(queue_.Append(live, Some(4), clock_.now), IsOk());
  queue_.Close(live, absl::OkStatus(), clock_.now, ended_);
  while (RunOne()) {
  }
  EXPECT_EQ(sink.steps, 7);
  EXPECT_EQ(sink.ends, 1);
  EXPECT_THAT(sink.status, IsOk());
}

TEST_F(RunQueueTest, SilenceAndSlowReadersEndWithTheirStateAfterATimeout) {
  Sink silent, slow;
  slow.accepts_more = false;
  const auto model = Serve(1);
  Submit(Live(model, silent));
  const auto reading = Submit(Live(model, slow));
  EXPECT_THAT(queue_.Append(reading, Some(1), clock_.now), IsOk());
  RunOne();
  EXPECT_EQ(queue_.load().paused, 1);
  clock_.now += options_.slow_reader_timeout;
  EXPECT_EQ(queue_.next_due(), clock_.now);
  RunOne();
  EXPECT_EQ(ReasonOf(slow.status), Reason::kSlowReader);
  EXPECT_TRUE(slow.has_state);
  EXPECT_EQ(slow.steps_run, 1);
  EXPECT_EQ(silent.ends, 0);
  clock_.now += options_.idle_timeout;
  RunOne();
  EXPECT_EQ(ReasonOf(silent.status), Reason::kExpired);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(RunQueueTest, WhatHasNotStartedInTimeDoesNotRunAndWhatHasRunsOn) {
  Sink late, started;
  const auto model = Serve(1);
  SequenceRequest request = Whole(model, 1, late);
  request.start_by = clock_.now + absl::Milliseconds(1);
  Submit(request);
  clock_.now = request.start_by;
  RunOne();
  EXPECT_EQ(late.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late.steps_run, 0);
  request = Whole(model, 100, started);
  request.start_by = clock_.now + absl::Milliseconds(1);
  Submit(request);
  RunOne();
  clock_.now = request.start_by;
  EXPECT_EQ(started.ends, 0) << "one quantum is not enough for it";
  while (RunOne()) {
  }
  EXPECT_THAT(started.status, IsOk());
  EXPECT_EQ(started.steps, 100);
}

TEST_F(RunQueueTest, OldLiveSequencesAreClosedBusyOrNot) {
  Sink idle, busy;
  const auto model = Serve(1);
  const auto working = Submit(Live(model, busy));
  Submit(Live(model, idle));
  EXPECT_EQ(queue_.next_due(), clock_.now + options_.idle_timeout);
  clock_.now += options_.max_live_age;
  EXPECT_THAT(queue_.Append(working, Some(4), clock_.now), IsOk());
  while (RunOne()) {
  }
  EXPECT_EQ(ReasonOf(idle.status), Reason::kDraining);
  EXPECT_EQ(ReasonOf(busy.status), Reason::kDraining);
  EXPECT_EQ(busy.steps_run, 4);
  EXPECT_TRUE(busy.has_state);
}

TEST_F(RunQueueTest, ClosedByTheServerALiveOneRunsWhatItHasAccepted) {
  Sink sink;
  const auto model = Serve(1);
  const auto live = Submit(Live(model, sink));
  EXPECT_THAT(queue_.Append(live, Some(4), clock_.now), IsOk());
  queue_.CloseLive(
      model.get(),
      WithReason(absl::UnavailableError("unloaded"), Reason::kModelGone),
      clock_.now, ended_);
  while (RunOne()) {
  }
  EXPECT_EQ(ReasonOf(sink.status), Reason::kModelGone);
  EXPECT_EQ(sink.steps_run, 4);
  EXPECT_TRUE(sink.has_state);
}

TEST_F(RunQueueTest, ALiveSequenceOfAModelThatRunsWholeIsRefused) {
  Sink sink;
  const auto live = std::make_shared<Sequence>(Live(Serve(2), sink));
  EXPECT_EQ(queue_.Submit({&live, 1}, clock_.now).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(RunQueueTest,
       BetterClaimsAndOtherModelsComeBetweenTheQuantaOfAWholeOne) {
  Sink big, urgent, other;
  const auto whole = Serve(2);
  Submit(Whole(whole, 900, big));
  RunOne();
  EXPECT_EQ(queue_.load().suspended, 1);
  SequenceRequest request = Whole(whole, 1, urgent);
  request.priority = 1;
  Submit(std::move(request));
  Submit(Whole(Serve(1), 1, other));
  int quanta = 0;
  for (; urgent.ends + other.ends < 2 && RunOne(); ++quanta) {
  }
  EXPECT_LE(quanta, 12);  // a step of the first costs several
  EXPECT_EQ(big.ends, 0);
  while (RunOne()) ++quanta;
  EXPECT_GT(quanta, 50);
  EXPECT_THAT(big.status, IsOk());
  EXPECT_EQ(big.steps, 900);
}

TEST_F(RunQueueTest, ADeadSequenceLeavesTheCompanyThatRunsWhole) {
  Sink first, second;
  const auto whole = Serve(2);
  const auto dead = Submit(Whole(whole, 500, first));
  Submit(Whole(whole, 400, second));
  RunOne();
  EXPECT_EQ(queue_.load().suspended, 2);
  queue_.Cancel(dead, absl::CancelledError("test"), ended_);
  TellEnds();
  EXPECT_EQ(first.ends, 1);
  EXPECT_FALSE(first.has_state);
  while (RunOne()) {
  }
  EXPECT_THAT(second.status, IsOk());
  EXPECT_EQ(second.steps, 400);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(RunQueueTest, WhatAModelUsedBeforeAPauseIsNotHeldAgainstIt) {
  Sink first, again, other;
  const auto paused = Serve(1), busy = Serve(1);
  const auto live = Submit(Live(paused, first));
  const auto run = [&] {
    auto batch = queue_.Take(clock_.now, ended_);
    ASSERT_NE(batch, nullptr);
    batch->RunQuantum(ticking_, nullptr, nobody_);
    queue_.Complete(std::move(batch), clock_.now, ended_);
    TellEnds();
  };
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(queue_.Append(live, Some(1), clock_.now), IsOk());
    run();
  }
  // It waits for its client; another model comes that has used nothing.
  Submit(Whole(busy, 900, other));
  run();
  Submit(Whole(paused, 1, again));
  run();
  run();
  EXPECT_EQ(again.ends, 1);
}

TEST_F(RunQueueTest, OnlyWhatIsShortAndAloneIsTakenAsSuch) {
  const auto model = Serve(1);
  const auto takes_short = [&] {
    auto batch = queue_.TakeShort(clock_.now, ended_);
    if (batch == nullptr) return false;
    batch->RunQuantum(clock_, nullptr, nobody_);
    queue_.Complete(std::move(batch), clock_.now, ended_);
    TellEnds();
    return true;
  };
  Sink one, two, three, long_one;
  EXPECT_FALSE(takes_short()) << "nothing";
  Submit(Whole(model, 1, one));
  EXPECT_TRUE(takes_short());
  EXPECT_EQ(one.ends, 1);
  const int64_t many = 900;
  ASSERT_GT(model->cost.Estimate(many, many), options_.policy.handover);
  Submit(Whole(model, many, long_one));
  EXPECT_FALSE(takes_short()) << "too long";
  RunOne();
  Submit(Whole(model, 1, two));
  Submit(Whole(model, 1, three));
  EXPECT_FALSE(takes_short()) << "they share a batch";
  while (RunOne()) {
  }
  const auto whole = Serve(2);
  Sink suspended;
  Submit(Whole(whole, many, suspended));
  RunOne();
  ASSERT_EQ(queue_.load().suspended, 1);
  EXPECT_FALSE(takes_short()) << "a batch that has begun";
}

}  // namespace
}  // namespace unroll
