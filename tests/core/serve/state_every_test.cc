// The state of a running sequence, every so many steps.

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "core/serve/scheduler.h"
#include "tests/support/notification.h"
#include "tests/support/random_model.h"
#include "tests/support/silent_observer.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using unroll::testing::IsOk;
using unroll::testing::Notification;
using unroll::testing::RandomFloats;
using unroll::testing::RandomModel;
using unroll::testing::SilentObserver;

// Keeps the states on the way, and the last one.
class Sink final : public SequenceSink {
 public:
  bool OnSteps(const StepResults& results) override {
    if (!results.state()) return true;
    steps.push_back(results.state()->steps);
    states.push_back(results.state()->tensors[0].values);
    return true;
  }
  void OnDone(const SequenceEnd& end) override {
    status = end.status;
    h_n = end.state[0].values;
    done.Notify();
  }

  std::vector<int64_t> steps;
  std::vector<std::vector<float>> states;
  std::vector<float> h_n;
  absl::Status status;
  Notification done;
};

TEST(StateEveryTest, IsTheStateThatAShorterSequenceEndsWith) {
  std::mt19937 generator(7);
  Model model = RandomModel(
      {.spec = {.input_size = 5, .hidden_size = 16, .num_layers = 2}},
      generator);
  ASSERT_OK_AND_ASSIGN(auto network,
                       Network::Create(model.info, model.weights, {}));
  const auto served =
      std::make_shared<const ServedModel>(model.info, std::move(network));
  const RealClock clock;
  SilentObserver silent;
  Scheduler scheduler({.workers = 1}, clock, silent);
  constexpr int64_t kSteps = 50;
  const std::vector<float> features = RandomFloats(kSteps * 5, generator);
  const auto run = [&](int64_t steps, int64_t every, StepSelection selection,
                       Sink& sink) {
    SequenceRequest request;
    request.model = served;
    request.features = features.data();
    request.steps = steps;
    request.selection = std::move(selection);
    request.state_every = every;
    request.sink = &sink;
    auto sequence = std::make_shared<Sequence>(std::move(request));
    EXPECT_THAT(scheduler.Submit({&sequence, 1}), IsOk());
    sink.done.WaitForNotification();
    EXPECT_THAT(sink.status, IsOk());
  };
  for (const int64_t every : {1, 7, 25, 50, 51}) {
    // Whether or not a step's own results are wanted.
    for (const auto kind : {StepSelection::kAll, StepSelection::kLast}) {
      Sink sink;
      run(kSteps, every, {.kind = kind}, sink);
      ASSERT_EQ(std::ssize(sink.steps), kSteps / every);
      for (size_t i = 0; i < sink.steps.size(); ++i) {
        EXPECT_EQ(sink.steps[i], (static_cast<int64_t>(i) + 1) * every);
        Sink shorter;
        run(sink.steps[i], 0, {}, shorter);
        EXPECT_TRUE(shorter.states.empty());
        EXPECT_EQ(sink.states[i], shorter.h_n) << sink.steps[i];
      }
    }
  }
}

}  // namespace
}  // namespace unroll
