#include "tests/core/serve/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/serve/reason.h"
#include "tests/support/random_model.h"

namespace unroll::testing {
namespace {

constexpr size_t kMostAtOnce = 24;  // sequences
constexpr absl::Duration kAgeing = absl::Microseconds(200);
constexpr int kMostPriority = 1;
// The bound of policy.h, and what those ahead may take then: as many as can be
// there, a batch each, in turn with two other models.
const absl::Duration kLongestWait =
    (2 * kMostPriority + 2) * kAgeing +
    3 * static_cast<int>(kMostAtOnce) * absl::Microseconds(100);

absl::Status Cancelled() { return absl::CancelledError("simulated"); }

}  // namespace

std::vector<SimulatedModel> MakeSimulatedModels() {
  const Spec one = {.input_size = 2, .hidden_size = 2, .num_layers = 1};
  Spec two = one, both = one, relu = one;
  two.num_layers = 2;
  both.num_layers = 2;
  both.directions = 2;
  relu.nonlinearity = Nonlinearity::kRelu;
  std::mt19937 generator(1);
  std::vector<SimulatedModel> models;
  const std::pair<Spec, AppliedTo> kinds[] = {{one, AppliedTo::kEachStep},
                                              {two, AppliedTo::kLastStep},
                                              {both, AppliedTo::kFinalState},
                                              {relu, AppliedTo::kMean}};
  for (const auto& [spec, applied_to] : kinds) {
    SimulatedModel& m = models.emplace_back();
    m.model = RandomModel(
        {.spec = spec,
         .head = HeadSpec{.layers = {{2}}, .applied_to = applied_to}},
        generator);
    auto network =
        Network::Create(m.model.info, m.model.weights, {.max_rows = 4});
    EXPECT_TRUE(network.ok()) << network.status();
    m.network = *std::move(network);
  }
  return models;
}

Simulation::Simulation(const std::vector<SimulatedModel>& models, uint64_t seed)
    : generator_(static_cast<std::mt19937::result_type>(seed)),
      options_{.workers = 1 + static_cast<int64_t>(Random(2)),
               .policy = {.max_batch_rows = 2 + static_cast<int64_t>(Random(3)),
                          .quantum = absl::Microseconds(1 + Random(12)),
                          .ageing = kAgeing,
                          .handover = absl::Microseconds(Random(12))},
               .idle_timeout = absl::Milliseconds(50),
               .slow_reader_timeout = absl::Milliseconds(20)},
      queue_(options_),
      workers_(options_.workers) {
  std::vector<const SimulatedModel*> all;
  for (const SimulatedModel& model : models) all.push_back(&model);
  std::shuffle(all.begin(), all.end(), generator_);
  all.resize(1 + Random(3));
  models_ = all;
  for (const SimulatedModel* m : models_) {
    served_.push_back(
        std::make_shared<const ServedModel>(m->model.info, m->network));
  }
}

void Simulation::Run() {
  const uint64_t rounds = OneIn(4) ? 600 : 40 + Random(120);
  for (uint64_t round = 0; round < rounds; ++round) {
    Act();
    for (auto& worker : workers_) StepWorker(worker);
  }
  RunOut();
  CheckAll();
}

void Simulation::Watcher::OnBatch(const BatchRecord& record) {
  for (const absl::Duration age : record.queue_ages) {
    longest_wait = std::max(longest_wait, age);
  }
}

void Simulation::Act() {
  clock_.Advance(absl::Microseconds(Random(10)));
  // While nothing can run, time may fly.
  if (!queue_.has_ready() && OneIn(8)) {
    clock_.Advance(absl::Milliseconds(Random(60)));
    for (auto& caller : callers_) caller->may_fail |= caller->ends == 0;
  }
  if (callers_.empty() || OneIn(3)) return Submit();
  SimulatedCaller& caller = *callers_[Random(callers_.size())];
  const absl::Time now = clock_.Now();
  if (caller.ends > 0) return;
  if (caller.full && OneIn(2)) {
    caller.full = false;
    caller.room = 1 + static_cast<int64_t>(Random(6));
    queue_.Resume(caller.sequence, now, ended_);
  } else if (OneIn(20)) {
    caller.may_fail = true;
    queue_.Cancel(caller.sequence, Cancelled(), ended_);
  } else if (caller.live) {
    Feed(caller);
  } else if (OneIn(60)) {
    for (auto& other : callers_) other->may_fail |= other->live;
    queue_.CloseLive(
        served_[Random(served_.size())].get(),
        WithReason(absl::UnavailableError("simulated"), Reason::kModelGone),
        now, ended_);
  }
  TellEnds();
}

void Simulation::Submit() {
  if (queue_.load().ready + queue_.load().running + queue_.load().suspended +
          queue_.load().paused + queue_.load().waiting >=
      static_cast<int64_t>(kMostAtOnce)) {
    return;
  }
  const size_t which = Random(models_.size());
  const Spec& spec = models_[which]->model.info.spec;
  auto caller = std::make_unique<SimulatedCaller>(models_[which]->model);
  caller->room = 1 + static_cast<int64_t>(Random(OneIn(3) ? 3 : 100));
  caller->live = spec.incremental() && OneIn(2);
  caller->h_0 = RandomFloats(spec.num_layers * spec.hidden_width(), generator_);
  SequenceRequest request;
  request.model = served_[which];
  for (const StateTensorSpec& tensor : StateSpec(request.model->info)) {
    request.state.push_back(ZeroTensor(tensor.shape));
  }
  request.state[0].values = caller->h_0;
  request.wants_scores = true;
  request.priority =
      static_cast<int>(Random(2 * kMostPriority + 1)) - kMostPriority;
  request.sink = caller.get();
  if (OneIn(4)) {
    request.deadline = clock_.Now() + absl::Microseconds(Random(3000));
    caller->may_fail = true;
  }
  if (caller->live) {
    request.live = true;
    request.window = caller->window = 1 + static_cast<int64_t>(Random(8));
  } else {
    caller->steps = 1 + static_cast<int64_t>(Random(12));
    caller->features =
        RandomFloats(caller->steps * spec.input_size, generator_);
    request.steps = caller->steps;
    request.features = caller->features.data();
    if (OneIn(3)) request.selection.kind = StepSelection::kLast;
    if (OneIn(4)) {
      request.selection = {StepSelection::kIndices, {}};
      for (int64_t t = 0; t < caller->steps; ++t) {
        if (OneIn(2)) request.selection.indices.push_back(t);
      }
    }
    caller->selection = request.selection;
  }
  caller->sequence = std::make_shared<Sequence>(std::move(request));
  const absl::Status status =
      queue_.Submit({&caller->sequence, 1}, clock_.Now());
  if (ReasonOf(status) == Reason::kQueueTooLong) return;
  EXPECT_TRUE(status.ok()) << status;
  callers_.push_back(std::move(caller));
}

void Simulation::Feed(SimulatedCaller& caller) {
  const absl::Time now = clock_.Now();
  if (caller.closed) return;
  if (OneIn(8)) {
    caller.closed = true;
    queue_.Close(caller.sequence, absl::OkStatus(), now, ended_);
    return;
  }
  if (OneIn(4)) {
    if (caller.state_asked.empty() ||
        caller.state_asked.back() != caller.steps) {
      caller.state_asked.push_back(caller.steps);
    }
    queue_.AskForState(caller.sequence, now);
    return;
  }
  Steps steps;
  steps.count = 1 + static_cast<int64_t>(Random(5));
  steps.features =
      RandomFloats(steps.count * caller.model.info.spec.input_size, generator_);
  const auto ahead = caller.steps - std::ssize(caller.got) + steps.count;
  const absl::Status status = queue_.Append(caller.sequence, steps, now);
  if (!status.ok()) {
    EXPECT_EQ(ReasonOf(status), Reason::kWindowOverrun);
    EXPECT_GT(caller.steps + steps.count, caller.window);
    return;
  }
  // What comes once the queue has closed it is dropped.
  EXPECT_TRUE(ahead <= caller.window || caller.may_fail) << ahead;
  caller.steps += steps.count;
  caller.features.insert(caller.features.end(), steps.features.begin(),
                         steps.features.end());
}

void Simulation::StepWorker(std::unique_ptr<Batch>& batch) {
  if (batch != nullptr) {
    queue_.Complete(std::move(batch), clock_.Now(), ended_);
    batch = nullptr;
  } else {
    batch = Random(4) > 0 ? queue_.Take(clock_.Now(), ended_)
                          : queue_.TakeShort(clock_.Now(), ended_);
    if (batch != nullptr) {
      CheckTaken(*batch);
      batch->RunQuantum(clock_, nullptr, watcher_);
    }
  }
  TellEnds();
}

void Simulation::CheckTaken(const Batch& batch) {
  EXPECT_FALSE(batch.sequences().empty());
  EXPECT_LE(std::ssize(batch.sequences()), options_.policy.max_batch_rows);
  std::set<const Sequence*> running;
  for (const auto& worker : workers_) {
    if (worker == nullptr) continue;
    for (const auto& sequence : worker->sequences()) {
      EXPECT_TRUE(running.insert(sequence.get()).second)
          << "a sequence is in two batches";
    }
  }
}

void Simulation::TellEnds() {
  for (const auto& [sequence, status] : ended_) {
    sequence->TellEnd(status, watcher_);
  }
  ended_.clear();
}

void Simulation::RunOut() {
  const bool drains = OneIn(2);
  if (drains) {
    const absl::Status draining =
        WithReason(absl::UnavailableError("simulated"), Reason::kDraining);
    queue_.Refuse(draining);
    for (auto& caller : callers_) caller->may_fail |= caller->live;
    queue_.CloseLive(nullptr, draining, clock_.Now(), ended_);
  }
  for (auto& caller : callers_) {
    if (caller->ends == 0 && caller->live) {
      queue_.Close(caller->sequence, absl::OkStatus(), clock_.Now(), ended_);
    }
  }
  TellEnds();
  for (int round = 0; !queue_.empty() && round < 5000; ++round) {
    for (auto& caller : callers_) {
      if (caller->ends > 0 || !caller->full) continue;
      caller->full = false;
      caller->room = 10;
      queue_.Resume(caller->sequence, clock_.Now(), ended_);
    }
    for (auto& worker : workers_) StepWorker(worker);
  }
  EXPECT_TRUE(queue_.empty()) << "something never ends";
}

void Simulation::CheckAll() {
  for (auto& worker : workers_) worker.reset();
  for (const auto& caller : callers_) caller->Check();
  EXPECT_LE(watcher_.longest_wait, kLongestWait);
  const RunQueue::Load load = queue_.load();
  EXPECT_EQ(load.ready + load.running + load.suspended + load.paused +
                load.waiting + load.live + load.state_bytes,
            0);
  EXPECT_FALSE(queue_.has_ready());
  EXPECT_EQ(queue_.next_due(), absl::InfiniteFuture());
  if (queue_.PredictedWait().ok()) {
    EXPECT_EQ(*queue_.PredictedWait(), absl::ZeroDuration());
  }
}

}  // namespace unroll::testing
