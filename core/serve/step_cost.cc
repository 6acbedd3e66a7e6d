#include "core/serve/step_cost.h"

#include <algorithm>

namespace unroll {
namespace {

// A first guess at a core: what it reads and computes a second, and what a call
// of a kernel costs by itself. Learning corrects the rest.
constexpr double kBytesPerSecond = 100e9;
constexpr double kFlopsPerSecond = 150e9;
constexpr double kCallSeconds = 1e-6;

constexpr double kLearningRate = 0.1;

}  // namespace

StepCost::StepCost(const ModelInfo& info) {
  const Spec& spec = info.spec;
  const double h = static_cast<double>(spec.hidden_size);
  double weights = 0;
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    const auto k =
        static_cast<double>(layer == 0 ? spec.input_size : spec.hidden_width());
    weights += static_cast<double>(spec.directions) * h * (k + h);
  }
  if (info.head && info.head->each_step()) {
    int64_t reads = spec.hidden_width();
    for (const HeadSpec::Layer& layer : info.head->layers) {
      weights += static_cast<double>(layer.width) * static_cast<double>(reads);
      reads = layer.width;
    }
  }
  const auto calls = static_cast<double>(spec.num_layers * spec.directions);
  step_seconds_ = calls * kCallSeconds + 4 * weights / kBytesPerSecond;
  row_seconds_ = 2 * weights / kFlopsPerSecond;
}

double StepCost::Unscaled(int64_t steps, int64_t rows) const {
  return static_cast<double>(steps) * step_seconds_ +
         static_cast<double>(rows) * row_seconds_;
}

absl::Duration StepCost::Estimate(int64_t steps, int64_t rows) const {
  return absl::Seconds(scale_.load(std::memory_order_relaxed) *
                       Unscaled(steps, rows));
}

void StepCost::Observe(int64_t steps, int64_t rows, absl::Duration elapsed) {
  // One preempted batch must not teach that the model is a thousand times
  // slower, hence the bounds. A lost update of a concurrent batch is no harm.
  const double old_scale = scale_.load(std::memory_order_relaxed);
  const double seen =
      std::clamp(absl::ToDoubleSeconds(elapsed) / Unscaled(steps, rows),
                 old_scale / 10, old_scale * 10);
  scale_.store(
      std::clamp((1 - kLearningRate) * old_scale + kLearningRate * seen, 1e-3,
                 1e3),
      std::memory_order_relaxed);
}

}  // namespace unroll
