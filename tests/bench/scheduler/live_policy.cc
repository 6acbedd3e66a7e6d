#include "tests/bench/scheduler/live_policy.h"

#include <algorithm>
#include <utility>

namespace unroll::bench {
namespace {

// Copies each step's hidden to its job.
class StreamSink final : public SequenceSink {
 public:
  StreamSink(std::vector<Job*> jobs, const PolicyParts& parts,
             std::atomic<int64_t>& done)
      : jobs_(std::move(jobs)), parts_(parts), done_(done) {}

  bool OnSteps(const StepResults& results) override {
    const int64_t count = std::ssize(results.steps());
    for (int64_t i = 0; i < count; ++i) {
      Job& job = *jobs_[results.steps()[i]];
      const auto hidden = results.hidden(i);
      std::copy(hidden.begin(), hidden.end(), job.last_hidden);
      job.ok = true;
      job.done = parts_.clock.Now() - parts_.start;
    }
    done_.fetch_add(count, std::memory_order_release);
    return true;
  }

  void OnDone(const SequenceEnd&) override {}

 private:
  const std::vector<Job*> jobs_;  // by step
  const PolicyParts& parts_;
  std::atomic<int64_t>& done_;
};

}  // namespace

LivePolicy::LivePolicy(std::span<Job> jobs, const LiveOptions& options,
                       const PolicyParts& parts)
    : parts_(parts), scheduler_({}, parts.clock, records_) {
  std::vector<std::vector<Job*>> jobs_of(options.streams);
  for (Job& job : jobs) jobs_of[job.stream].push_back(&job);
  for (std::vector<Job*>& own : jobs_of) {
    sinks_.push_back(
        std::make_unique<StreamSink>(std::move(own), parts_, done_));
    SequenceRequest request;
    request.model = parts.model.served();
    request.live = true;
    request.window = options.steps;
    request.sink = sinks_.back().get();
    sequences_.push_back(std::make_shared<Sequence>(std::move(request)));
  }
  // Never refused: the model is incremental, the scheduler not draining.
  scheduler_.Submit(sequences_).IgnoreError();
}

void LivePolicy::Submit(std::span<Job> jobs) {
  const absl::Duration now = parts_.clock.Now() - parts_.start;
  for (Job& job : jobs) {
    job.submitted = now;
    const float* const input = parts_.model.input(job.input, job.first);
    const int64_t size = parts_.model.network().spec().input_size;
    // Never refused: the window takes all steps.
    scheduler_
        .Append(sequences_[job.stream],
                {.count = 1, .features = {input, input + size}})
        .IgnoreError();
  }
}

}  // namespace unroll::bench
