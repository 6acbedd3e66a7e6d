#ifndef UNROLL_TESTS_CORE_SERVE_SIMULATION_H_
#define UNROLL_TESTS_CORE_SERVE_SIMULATION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "core/serve/run_queue.h"
#include "tests/core/serve/simulated_caller.h"

namespace unroll::testing {

// Tiny real networks, packed once for all seeds.
struct SimulatedModel {
  Model model;
  std::shared_ptr<const Network> network;
};
std::vector<SimulatedModel> MakeSimulatedModels();

// The scheduler's queue, policy and batches under a clock that only the
// simulation moves, one thread playing all workers and callers. A seed always
// comes to the same. Everything wrong is a test failure.
class Simulation {
 public:
  Simulation(const std::vector<SimulatedModel>& models, uint64_t seed);
  void Run();

 private:
  // Moves a little each time that it is read.
  class TickingClock final : public Clock {
   public:
    absl::Time Now() const override {
      now_ += absl::Microseconds(7);
      return now_;
    }
    void Advance(absl::Duration duration) { now_ += duration; }

   private:
    mutable absl::Time now_ = absl::FromUnixSeconds(1000);
  };

  // Checks that nothing waits too long.
  class Watcher final : public Observer {
   public:
    void OnSequence(const SequenceRecord&) override {}
    void OnBatch(const BatchRecord& record) override;
    absl::Duration longest_wait;
  };

  uint64_t Random(uint64_t below) { return generator_() % below; }
  bool OneIn(uint64_t n) { return Random(n) == 0; }

  void Act();
  void Submit();
  void Feed(SimulatedCaller& caller);
  void StepWorker(std::unique_ptr<Batch>& batch);
  void CheckTaken(const Batch& batch);
  void TellEnds();
  void RunOut();
  void CheckAll();

  std::mt19937 generator_;
  TickingClock clock_;
  Watcher watcher_;
  std::vector<const SimulatedModel*> models_;
  std::vector<std::shared_ptr<const ServedModel>> served_;
  RunQueue::Options options_;
  RunQueue queue_;
  RunQueue::Ended ended_;
  std::vector<std::unique_ptr<Batch>> workers_;  // what each runs
  std::vector<std::unique_ptr<SimulatedCaller>> callers_;
};

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_CORE_SERVE_SIMULATION_H_
