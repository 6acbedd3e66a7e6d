#include "tests/bench/scheduler/whole_policy.h"

#include <algorithm>

namespace unroll::bench {

WholePolicy::WholePolicy(const WholeOptions& options, const PolicyParts& parts)
    : options_(options),
      parts_(parts),
      states_(options.max_batch),
      worker_([this] { RunWorker(); }) {}

WholePolicy::~WholePolicy() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_ready_.NotifyOne();
  worker_.join();
}

void WholePolicy::Submit(std::span<Job> jobs) {
  const absl::Duration now = Now();
  {
    MutexLock lock(mutex_);
    for (Job& job : jobs) {
      job.submitted = now;
      queue_.push_back(&job);
    }
  }
  work_ready_.NotifyOne();
}

Work WholePolicy::work() const {
  MutexLock lock(mutex_);
  return work_;
}

void WholePolicy::RunWorker() {
  while (TakeBatch()) {
    if (parts_.drops) DropLate();
    if (!batch_.empty()) RunBatch();
  }
}

bool WholePolicy::TakeBatch() {
  MutexLock lock(mutex_);
  while (!stopping_ && std::ssize(queue_) < options_.max_batch) {
    if (queue_.empty()) {
      work_ready_.Wait(mutex_);
      continue;
    }
    const absl::Duration left =
        queue_.front()->submitted + options_.delay - Now();
    if (left <= absl::ZeroDuration()) break;
    work_ready_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  if (stopping_) return false;
  const auto end =
      queue_.begin() + std::min(std::ssize(queue_), options_.max_batch);
  batch_.assign(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  return true;
}

void WholePolicy::DropLate() {
  const absl::Duration now = Now();
  const auto late = std::partition(
      batch_.begin(), batch_.end(),
      [&](const Job* job) { return now < job->scheduled + job->bound; });
  for (auto job = late; job != batch_.end(); ++job) {
    (*job)->begun = (*job)->first_step = (*job)->done = now;
  }
  done_.fetch_add(batch_.end() - late, std::memory_order_release);
  batch_.erase(late, batch_.end());
}

void WholePolicy::RunBatch() {
  const absl::Duration begin = Now();
  int64_t longest = 0, useful = 0, rows = 0;
  for (const Job* job : batch_) {
    longest = std::max(longest, job->steps);
    useful += job->steps;
  }
  slices_.clear();
  for (size_t i = 0; i < batch_.size(); ++i) {
    const Job& job = *batch_[i];
    states_[i] = job.state;
    // What stands behind a sequence's input serves as padding.
    slices_.push_back({.steps = options_.padded ? longest : job.steps,
                       .features = parts_.model.input(job.input, job.first),
                       .state = {&states_[i], 1}});
    rows += slices_.back().steps;
  }
  const bool ok = parts_.model.network().Execute(slices_, run_).ok();
  const absl::Duration end = Now();
  for (size_t i = 0; i < batch_.size(); ++i) {
    Job& job = *batch_[i];
    job.begun = begin;
    job.compute = end - begin;
    job.ok = ok && !run_.results[i].overflowed();
    if (job.ok) {
      const auto hidden = run_.results[i].hidden(job.steps - 1);
      std::copy(hidden.begin(), hidden.end(), job.last_hidden);
    }
    job.first_step = job.done = Now();
  }
  {
    MutexLock lock(mutex_);
    ++work_.batches;
    work_.steps += longest;
    work_.rows += rows;
    work_.padding += rows - useful;
    work_.busy += end - begin;
  }
  done_.fetch_add(std::ssize(batch_), std::memory_order_release);
}

}  // namespace unroll::bench
