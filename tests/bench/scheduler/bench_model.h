#ifndef UNROLL_TESTS_BENCH_SCHEDULER_BENCH_MODEL_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_BENCH_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/rnn/network.h"
#include "core/serve/served_model.h"

namespace unroll::bench {

// One of BENCHMARK.md's models with random weights, inputs for it, and what
// they give when they are run alone. Of one thread, but for the inputs.
class BenchModel {
 public:
  static constexpr int64_t kMostRows = 64;
  static constexpr int64_t kLongest = 330;  // steps
  static constexpr int64_t kInputs = 4;     // different sequences of a length

  // `name` is S, M, L or Bi.
  static absl::StatusOr<std::unique_ptr<BenchModel>> Create(
      const std::string& name);

  const std::shared_ptr<const ServedModel>& served() const { return served_; }
  const Network& network() const { return *served_->network; }
  int64_t width() const { return network().spec().hidden_width(); }  // D*H
  int64_t state_size() const {                                       // L*D*H
    return network().spec().num_layers * width();
  }

  // From step `first` on of the longest sequence of an input, [kLongest, I].
  // Shorter ones are its beginning.
  const float* input(int64_t i, int64_t first = 0) const {
    return inputs_.data() + (i + first) * network().spec().input_size;
  }
  // The last step's hidden, [D*H], of the sequence of that input and length.
  absl::StatusOr<std::span<const float>> Expected(int64_t input, int64_t steps);

  // What a step takes when nothing else runs.
  absl::Duration step_alone() const { return step_alone_; }

 private:
  BenchModel() = default;

  absl::Status RunAlone(int64_t input, int64_t steps);
  absl::Status TimeSteps();

  std::shared_ptr<const ServedModel> served_;
  std::vector<float> inputs_;  // [kLongest + kInputs - 1, I]
  std::map<std::pair<int64_t, int64_t>, std::vector<float>> expected_;
  absl::Duration step_alone_;
  Network::Run run_;
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_BENCH_MODEL_H_
