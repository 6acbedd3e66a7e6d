#include "core/serve/scheduler_worker.h"

namespace unroll {

void Scheduler::Worker::Begin(size_t count) {
  slices.clear();
  if (states.size() < count) {
    states.resize(count);
    wanted.resize(count);
    wanted_local.resize(count);
  }
}

void Scheduler::Worker::Add(Sequence& s, int64_t steps) {
  const SequenceRequest& request = s.request_;
  const int64_t first = s.steps_done_;
  const int64_t end = first + steps;
  const size_t i = slices.size();

  wanted[i].clear();
  wanted_local[i].clear();
  const auto want = [&](int64_t t) {
    wanted[i].push_back(t);
    wanted_local[i].push_back(t - first);
  };
  const StepSelection& selection = request.selection;
  if (selection.kind == StepSelection::kAll) {
    for (int64_t t = first; t < end; ++t) want(t);
  } else if (selection.kind == StepSelection::kLast) {
    if (end == request.steps) want(end - 1);
  } else {
    while (s.next_index_ < selection.indices.size() &&
           selection.indices[s.next_index_] < end) {
      want(selection.indices[s.next_index_++]);
    }
  }

  states[i].clear();
  for (Tensor& tensor : s.state_) states[i].push_back(tensor.values.data());

  Slice& slice = slices.emplace_back();
  slice.steps = steps;
  if (request.tokens.empty()) {
    slice.features =
        request.features + first * request.model->info.spec.input_size;
  } else {
    slice.tokens = request.tokens.data() + first;
  }
  slice.state = states[i];
  if (request.wants_scores) {
    slice.score_steps = wanted_local[i];
    slice.wants_scores = end == request.steps;
  }
}

}  // namespace unroll
