#ifndef UNROLL_CORE_SERVE_SCHEDULER_WORKER_H_
#define UNROLL_CORE_SERVE_SCHEDULER_WORKER_H_

#include <cstdint>
#include <vector>

#include "core/rnn/network.h"
#include "core/serve/scheduler.h"

namespace unroll {

// What one thread reuses from batch to batch.
struct Scheduler::Worker {
  // Empties it, with room for `count` slices that do not move.
  void Begin(size_t count);
  // Adds the next `steps` of a sequence to the batch.
  void Add(Sequence& sequence, int64_t steps);

  Network::Run run;
  std::vector<Slice> slices;
  std::vector<std::vector<float*>> states;         // of each slice
  std::vector<std::vector<int64_t>> wanted;        // steps of the sequence
  std::vector<std::vector<int64_t>> wanted_local;  // the same, of the slice
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_SCHEDULER_WORKER_H_
