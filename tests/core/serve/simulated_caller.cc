#include "tests/core/serve/simulated_caller.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/serve/reason.h"
#include "tests/support/compare.h"
#include "tests/support/naive_rnn.h"
#include "tests/support/random_model.h"

namespace unroll::testing {

namespace {

// Asked for again while it is being told, a state is told twice.
std::vector<int64_t> Distinct(std::vector<int64_t> steps) {
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

}  // namespace

bool SimulatedCaller::OnSteps(const StepResults& results) {
  EXPECT_EQ(ends, 0) << "results after the end";
  for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
    if (!got.empty()) {
      EXPECT_LT(got.back(), results.steps()[i]);
    }
    got.push_back(results.steps()[i]);
    const auto row = results.hidden(i);
    hidden.insert(hidden.end(), row.begin(), row.end());
  }
  for (int64_t i = 0; i < results.score_rows(); ++i) {
    const auto row = results.scores(i);
    scores.insert(scores.end(), row.begin(), row.end());
  }
  if (results.state()) {
    state_steps.push_back(results.state()->steps);
    states.push_back(results.state()->tensors[0].values);
  }
  full = --room <= 0;
  return !full;
}

void SimulatedCaller::OnDone(const SequenceEnd& end) {
  ++ends;
  status = end.status;
  steps_run = end.steps;
  if (!end.state.empty()) last_state = end.state[0].values;
}

// Of the steps that ran.
std::vector<int64_t> SimulatedCaller::Wanted() const {
  std::vector<int64_t> wanted;
  for (int64_t t = 0; t < steps_run; ++t) {
    if (selection.kind == StepSelection::kAll ||
        (selection.kind == StepSelection::kLast && t == steps - 1) ||
        std::count(selection.indices.begin(), selection.indices.end(), t) > 0) {
      wanted.push_back(t);
    }
  }
  return wanted;
}

void SimulatedCaller::Check() const {
  ASSERT_EQ(ends, 1);
  const bool neglected =
      full ? ReasonOf(status) == Reason::kSlowReader
           : live && !closed && ReasonOf(status) == Reason::kExpired;
  ASSERT_TRUE(status.ok() || may_fail || neglected) << status;
  ASSERT_EQ(sequence.use_count(), 1) << "an ended sequence is kept";
  ASSERT_TRUE(!status.ok() || steps_run == steps) << steps_run;
  ASSERT_LE(steps_run, steps);
  ASSERT_EQ(got, Wanted()) << steps_run << " of " << steps << ' ' << status;

  const Spec& spec = model.info.spec;
  const auto naive = [&](int64_t count) -> NaiveResult {
    if (count == 0) return {.h_n = ToMatrix(h_0, spec.hidden_size)};
    return NaiveRnn(
        model,
        ToMatrix({features.begin(), features.begin() + count * spec.input_size},
                 spec.input_size),
        ToMatrix(h_0, spec.hidden_size));
  };
  for (size_t i = 0; i < states.size(); ++i) {
    ASSERT_LE(state_steps[i], steps_run);
    const auto want = Flatten(naive(state_steps[i]).h_n);
    ExpectClose(states[i], want, "state on the way");
  }
  ASSERT_TRUE(!status.ok() || Distinct(state_steps) == state_asked);
  const NaiveResult want = naive(steps_run);
  std::vector<double> rows;
  for (const int64_t t : got) {
    rows.insert(rows.end(), want.hidden[t].begin(), want.hidden[t].end());
  }
  ExpectClose(hidden, rows, "hidden");
  if (!last_state.empty()) {
    ExpectClose(last_state, Flatten(want.h_n), "h_n");
  }
  const HeadSpec& head = *model.info.head;
  std::vector<double> score_rows;
  for (int64_t t = 0; t < steps_run; ++t) {
    const bool each = head.each_step() && std::count(got.begin(), got.end(), t);
    if (!each && (head.each_step() || (!live && t != steps - 1))) continue;
    // A head that is applied once reads what there is.
    const Row row = head.each_step() ? want.scores[t] : naive(t + 1).scores[0];
    score_rows.insert(score_rows.end(), row.begin(), row.end());
  }
  ExpectClose(scores, score_rows, "scores");
}

}  // namespace unroll::testing
