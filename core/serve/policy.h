#ifndef UNROLL_CORE_SERVE_POLICY_H_
#define UNROLL_CORE_SERVE_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "core/serve/step_cost.h"

// What runs next, as pure functions.

namespace unroll {

// A request's priority; higher runs first.
inline constexpr int kLowestPriority = -10;
inline constexpr int kHighestPriority = 10;

// A row's cost has stopped falling well before the most rows. More would leave
// each sequence fewer steps of the quantum, while what it costs to put one into
// a batch and take it out again stays the same.
struct PolicyOptions {
  int64_t max_batch_rows = 24;  // at least 1
  // Estimated compute of a full batch; see QuantumOf.
  absl::Duration quantum = absl::Microseconds(400);
  absl::Duration ageing = absl::Milliseconds(100);  // above 0
  // What is all there is to run, and takes no longer, is run by the thread that
  // brought it: about what waking a worker costs. More would spoil batching,
  // since a thread that runs brings nothing new.
  absl::Duration handover = absl::Microseconds(10);
};

// What the policy knows of a sequence that is ready to run.
struct SequenceView {
  int priority = 0;
  bool started = false;  // some of it has run
  absl::Time deadline = absl::InfiniteFuture();
  uint64_t arrival = 0;  // the order of admission
  absl::Time ready_since;
};

// A place in the order of a model's ready sequences; the least runs next:
// highest priority, started before new, earliest deadline, first admitted.
//
// Ageing: time is cut into periods of `ageing`, and each period that a sequence
// became ready earlier counts as one level of priority. So one of priority p
// is passed by nothing that became ready (kHighestPriority - p + 1) periods
// after it, and starves no longer than those who were before it then take.
struct Claim {
  int64_t level = 0;
  bool is_new = false;
  absl::Time deadline;
  uint64_t arrival = 0;

  auto tie() const { return std::tie(level, is_new, deadline, arrival); }
  bool operator<(const Claim& other) const { return tie() < other.tie(); }
};
Claim ClaimOf(const SequenceView& sequence, absl::Duration ageing);

// How long a worker stays with a batch of so many sequences: each has its share
// of the quantum of a full batch, since putting one into a batch and taking it
// out again costs the same whatever the others are. So a newcomer waits less
// the fewer run. At least an eighth, for the sake of what a batch itself costs.
absl::Duration QuantumOf(int64_t sequences, const PolicyOptions& options);

// How many of the steps that are there each sequence of a batch runs: as many
// time steps as fit the quantum together, at least one. `available` are at
// least 1 each.
std::vector<int64_t> StepsInQuantum(std::span<const int64_t> available,
                                    const StepCost& cost,
                                    absl::Duration quantum);

// Which sequences that run whole go together: the first, and in order every
// other that fits while the batch's estimate stays within the larger of the
// quantum and kCompanyFactor times what the first costs alone. Indices into
// `steps`, their lengths in order of their claims.
std::vector<size_t> WholeTogether(std::span<const int64_t> steps,
                                  const StepCost& cost, absl::Duration quantum);

// How many times longer than alone a bidirectional sequence may take for the
// sake of company: near there a row's cost stops falling.
inline constexpr double kCompanyFactor = 4;

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_POLICY_H_
