#include "core/serve/policy.h"

#include <algorithm>

namespace unroll {

Claim ClaimOf(const SequenceView& sequence, absl::Duration ageing) {
  const int64_t period = absl::ToUnixNanos(sequence.ready_since) /
                         absl::ToInt64Nanoseconds(ageing);
  return {.level = period - sequence.priority,
          .is_new = !sequence.started,
          .deadline = sequence.deadline,
          .arrival = sequence.arrival};
}

absl::Duration QuantumOf(int64_t sequences, const PolicyOptions& options) {
  const double share = static_cast<double>(sequences) /
                       static_cast<double>(options.max_batch_rows);
  return options.quantum * std::clamp(share, 1. / 8, 1.);
}

std::vector<int64_t> StepsInQuantum(std::span<const int64_t> available,
                                    const StepCost& cost,
                                    absl::Duration quantum) {
  std::vector<int64_t> left(available.begin(), available.end());
  std::sort(left.begin(), left.end());
  // Time step by time step there are fewer of them.
  int64_t steps = 0;
  auto rows = std::ssize(left);
  for (const int64_t end : left) {
    if (end > steps) {
      const int64_t fit = quantum / cost.Estimate(1, rows);
      const int64_t run = std::min(end - steps, fit);
      quantum -= cost.Estimate(run, run * rows);
      steps += run;
      if (steps < end) break;
    }
    --rows;
  }
  steps = std::max<int64_t>(steps, 1);
  std::vector<int64_t> taken;
  for (const int64_t n : available) taken.push_back(std::min(n, steps));
  return taken;
}

std::vector<size_t> WholeTogether(std::span<const int64_t> steps,
                                  const StepCost& cost,
                                  absl::Duration quantum) {
  std::vector<size_t> chosen;
  int64_t longest = 0;
  int64_t rows = 0;
  absl::Duration bound;
  for (size_t i = 0; i < steps.size(); ++i) {
    const int64_t new_longest = std::max(longest, steps[i]);
    const absl::Duration estimate = cost.Estimate(new_longest, rows + steps[i]);
    if (chosen.empty()) {
      bound = std::max(quantum, kCompanyFactor * estimate);
    } else if (estimate > bound) {
      continue;
    }
    longest = new_longest;
    rows += steps[i];
    chosen.push_back(i);
  }
  return chosen;
}

}  // namespace unroll
