#ifndef UNROLL_TESTS_CORE_SERVE_SIMULATED_CALLER_H_
#define UNROLL_TESTS_CORE_SERVE_SIMULATED_CALLER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/model/model.h"
#include "core/serve/sequence.h"

namespace unroll::testing {

// A caller with all that it gave and got, which it compares with the naive
// network in the end.
class SimulatedCaller final : public SequenceSink {
 public:
  explicit SimulatedCaller(const Model& m) : model(m) {}

  bool OnSteps(const StepResults& results) override;
  void OnDone(const SequenceEnd& end) override;

  // Once it has ended: that what came was right and complete.
  void Check() const;

  const Model& model;
  std::shared_ptr<Sequence> sequence;
  bool live = false;
  int64_t window = 0;
  std::vector<float> features, h_0;
  StepSelection selection;
  absl::Time deadline = absl::InfiniteFuture();
  int64_t steps = 0;  // given and accepted
  bool closed = false;
  bool may_fail = false;             // it was cancelled, unloaded or neglected
  std::vector<int64_t> state_asked;  // after how many steps

  int64_t room = 0;  // messages until the reader is full
  bool full = false;

  int ends = 0;
  absl::Status status;
  int64_t steps_run = 0;
  std::vector<int64_t> got;
  std::vector<float> hidden, scores, last_state;
  std::vector<int64_t> state_steps;
  std::vector<std::vector<float>> states;

 private:
  std::vector<int64_t> Wanted() const;
};

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_CORE_SERVE_SIMULATED_CALLER_H_
