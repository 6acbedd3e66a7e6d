#include "tests/bench/scheduler/continuous_policy.h"

#include <algorithm>
#include <utility>

namespace unroll::bench {
namespace {

// Copies the last step's hidden, as a server's reply would.
class JobSink final : public SequenceSink {
 public:
  JobSink(Job& job, const PolicyParts& parts, std::atomic<int64_t>& done)
      : job_(job), parts_(parts), done_(done) {}

  bool OnSteps(const StepResults& results) override {
    if (results.steps().front() == 0)
      job_.first_step = parts_.clock.Now() - parts_.start;
    if (results.steps().back() == job_.steps - 1) {
      const auto hidden = results.hidden(std::ssize(results.steps()) - 1);
      std::copy(hidden.begin(), hidden.end(), job_.last_hidden);
    }
    return true;
  }

  void OnDone(const SequenceEnd& end) override {
    job_.done = parts_.clock.Now() - parts_.start;
    job_.begun = job_.submitted + end.queue;
    job_.compute = end.compute;
    job_.ok = end.status.ok();
    done_.fetch_add(1, std::memory_order_release);
  }

 private:
  Job& job_;
  const PolicyParts& parts_;
  std::atomic<int64_t>& done_;
};

}  // namespace

ContinuousPolicy::ContinuousPolicy(const PolicyOptions& options,
                                   const PolicyParts& parts)
    : parts_(parts), scheduler_({.policy = options}, parts.clock, records_) {}

void ContinuousPolicy::Submit(std::span<Job> jobs) {
  const absl::Duration now = parts_.clock.Now() - parts_.start;
  for (Job& job : jobs) {
    job.submitted = now;
    Add(job);
    // One at a time where each has to see those before.
    if (parts_.drops && !Admit(1)) {
      job.begun = job.first_step = job.done = now;
      done_.fetch_add(1, std::memory_order_release);
    }
  }
  if (!parts_.drops) Admit(std::ssize(jobs));
}

void ContinuousPolicy::Add(Job& job) {
  sinks_.push_back(std::make_unique<JobSink>(job, parts_, done_));
  SequenceRequest request;
  request.model = parts_.model.served();
  request.steps = job.steps;
  request.features = parts_.model.input(job.input);
  if (parts_.drops) request.deadline = parts_.start + job.scheduled + job.bound;
  request.sink = sinks_.back().get();
  sequences_.push_back(std::make_shared<Sequence>(std::move(request)));
}

bool ContinuousPolicy::Admit(int64_t count) {
  return scheduler_
      .Submit({sequences_.data() + sequences_.size() - count,
               static_cast<size_t>(count)})
      .ok();
}

}  // namespace unroll::bench
