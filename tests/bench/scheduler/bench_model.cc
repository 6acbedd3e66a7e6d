#include "tests/bench/scheduler/bench_model.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "tests/support/random_model.h"

namespace unroll::bench {
namespace {

const std::map<std::string, Spec> kSpecs = {
    {"S", {.input_size = 64, .hidden_size = 128, .num_layers = 1}},
    {"M", {.input_size = 128, .hidden_size = 256, .num_layers = 2}},
    {"L",
     {.input_size = 256,
      .hidden_size = 1024,
      .num_layers = 1,
      .nonlinearity = Nonlinearity::kRelu}},
    {"Bi",
     {.input_size = 128,
      .hidden_size = 256,
      .num_layers = 1,
      .directions = 2}}};

// The mean of W1 and the length of all of W2.
constexpr int64_t kUsualLength = 24;

}  // namespace

absl::StatusOr<std::unique_ptr<BenchModel>> BenchModel::Create(
    const std::string& name) {
  const auto spec = kSpecs.find(name);
  if (spec == kSpecs.end()) {
    return Invalid("model \"%s\", expected S, M, L or Bi", name);
  }
  std::mt19937 random(1);
  Model model = unroll::testing::RandomModel({.spec = spec->second}, random);
  model.info.name = name;
  ASSIGN_OR_RETURN(auto network,
                   Network::Create(model.info, std::move(model.weights),
                                   {.max_rows = kMostRows}));
  std::unique_ptr<BenchModel> bench(new BenchModel);
  bench->served_ =
      std::make_shared<const ServedModel>(model.info, std::move(network));
  bench->inputs_ = unroll::testing::RandomFloats(
      (kLongest + kInputs - 1) * spec->second.input_size, random);
  RETURN_IF_ERROR(bench->TimeSteps());
  return bench;
}

absl::Status BenchModel::RunAlone(int64_t input, int64_t steps) {
  std::vector<float> state(state_size());
  float* const states[] = {state.data()};
  const Slice slice = {
      .steps = steps, .features = this->input(input), .state = states};
  return network().Execute({&slice, 1}, run_);
}

absl::StatusOr<std::span<const float>> BenchModel::Expected(int64_t input,
                                                            int64_t steps) {
  std::vector<float>& expected = expected_[{input, steps}];
  if (expected.empty()) {
    RETURN_IF_ERROR(RunAlone(input, steps));
    const auto last = run_.results[0].hidden(steps - 1);
    expected.assign(last.begin(), last.end());
  }
  return expected;
}

absl::Status BenchModel::TimeSteps() {
  std::vector<std::chrono::nanoseconds> times;
  for (int i = 0; i < 50; ++i) {
    const auto start = std::chrono::steady_clock::now();
    RETURN_IF_ERROR(RunAlone(0, kUsualLength));
    times.push_back(std::chrono::steady_clock::now() - start);
  }
  std::sort(times.begin(), times.end());
  step_alone_ = absl::FromChrono(times[times.size() / 2]) / kUsualLength;
  return absl::OkStatus();
}

}  // namespace unroll::bench
