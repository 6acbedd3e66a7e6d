#ifndef UNROLL_CORE_SERVE_BATCH_H_
#define UNROLL_CORE_SERVE_BATCH_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/rnn/network.h"
#include "core/serve/observer.h"
#include "core/serve/sequence.h"

namespace unroll {

// Some steps of some sequences of one model, run together. Filled by the
// RunQueue, run by a worker without locks, given back to the RunQueue. A batch
// that runs whole (D = 2) may take several quanta, and keeps its place in
// between. Reused, to spare allocations.
class Batch {
 public:
  using SequencePtr = std::shared_ptr<Sequence>;

  // Runs all its steps or, of one that runs whole, what fits a quantum of
  // estimated compute, at least one time step. Once it is through, each
  // sequence has its state, and its sink its results. `cores` may be null: see
  // Network::Run.
  void RunQuantum(const Clock& clock, Cores* cores, Observer& observer);

  // Whether it is through, or has failed.
  bool done() const { return done_; }

  std::span<const SequencePtr> sequences() const { return sequences_; }
  // The steps of the longest, and of all.
  int64_t longest() const;
  int64_t rows() const;

 private:
  friend class RunQueue;

  void Clear();
  // Adds a sequence that runs `steps` more, which may be 0 if only its state is
  // to be told; those come after all others.
  void Add(SequencePtr sequence, int64_t steps, absl::Duration queue_age);
  // Leaves out the members that have ended. Between quanta.
  void DropEnded();

  absl::Status Begin(absl::Time now);
  void AddSlice(size_t i);
  absl::Status RunWhole();
  void KeepLiving();
  // Once all steps have run, or failed.
  void Finish(const absl::Status& status);
  void Deliver(absl::Time now);
  bool DeliverTo(size_t i, absl::Time now);

  std::shared_ptr<const ServedModel> model_;
  std::vector<SequencePtr> sequences_;
  std::vector<int64_t> steps_;     // of each
  std::vector<bool> tells_state_;  // whether its state is told after them
  std::vector<absl::Duration> queue_ages_;
  std::vector<bool> keep_;  // not empty: members that are to be left out

  // Of the RunQueue.
  absl::Duration quantum_;  // of one that runs whole
  absl::Duration charged_;  // to the model, before it ran
  Claim claim_;             // while it waits for its next quantum

  // What running it came to.
  bool begun_ = false;
  int64_t joined_ = 0;
  bool done_ = false;
  absl::Duration quantum_elapsed_;      // of the last quantum
  absl::Duration elapsed_;              // of all
  std::vector<absl::Status> statuses_;  // of each sequence
  std::vector<bool> accepts_more_;

  // Working memory.
  Network::Run run_;
  std::vector<Slice> slices_;                       // of those with steps
  std::vector<std::vector<float*>> states_;         // of each slice
  std::vector<std::vector<int64_t>> wanted_;        // steps of the sequence
  std::vector<std::vector<int64_t>> wanted_local_;  // the same, of the slice
  std::vector<absl::Duration> gaps_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_BATCH_H_
