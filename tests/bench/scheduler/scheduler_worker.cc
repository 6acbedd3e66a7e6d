#include "tests/bench/scheduler/scheduler_worker.h"

#include <time.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/load/lengths.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "tests/bench/scheduler/live_policy.h"
#include "tests/bench/scheduler/numbers.h"
#include "tests/bench/scheduler/summary.h"
#include "tests/bench/scheduler/whole_policy.h"

namespace unroll::bench {
namespace {

constexpr int64_t kMostJobs = 1 << 20;
constexpr int64_t kMostStreams = 1 << 12;

// What all threads but this have used.
absl::Duration OtherThreadsCpu() {
  timespec process, own;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &process);
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
  return absl::DurationFromTimespec(process) - absl::DurationFromTimespec(own);
}

absl::StatusOr<JobOptions> JobOptionsOf(const std::string& lengths,
                                        const std::string& rate,
                                        const std::string& count,
                                        const std::string& seed) {
  ASSIGN_OR_RETURN(client::Lengths drawn, client::Lengths::Parse(lengths));
  if (drawn.longest() > BenchModel::kLongest) {
    return Invalid("%d steps, expected at most %d", drawn.longest(),
                   BenchModel::kLongest);
  }
  JobOptions options = {.lengths = std::move(drawn)};
  ASSIGN_OR_RETURN(options.rate, Number(rate));
  ASSIGN_OR_RETURN(options.count, WholeNumber(count));
  ASSIGN_OR_RETURN(options.seed, WholeNumber(seed));
  if (options.count < 1 || options.count > kMostJobs) {
    return Invalid("%d sequences, expected 1 to %d", options.count, kMostJobs);
  }
  return options;
}

absl::StatusOr<LiveOptions> LiveOptionsOf(const std::string& streams,
                                          const std::string& steps,
                                          const std::string& seed) {
  LiveOptions options;
  ASSIGN_OR_RETURN(options.streams, WholeNumber(streams));
  ASSIGN_OR_RETURN(options.steps, WholeNumber(steps));
  ASSIGN_OR_RETURN(options.seed, WholeNumber(seed));
  if (options.streams < 1 || options.streams > kMostStreams ||
      options.steps < 1 || options.steps > BenchModel::kLongest) {
    return Invalid("%d streams of %d steps, expected 1 to %d of 1 to %d",
                   options.streams, options.steps, kMostStreams,
                   BenchModel::kLongest);
  }
  return options;
}

}  // namespace

std::string SchedulerWorker::Answer(const std::string& line) {
  const auto answer =
      Execute(absl::StrSplit(line, ' ', absl::SkipWhitespace()));
  if (!answer.ok()) {
    return absl::StrFormat("error %s", answer.status().message());
  }
  return absl::StrFormat("ok %s", *answer);
}

absl::StatusOr<std::string> SchedulerWorker::Execute(const Words& words) {
  const std::string command = words.empty() ? "" : words[0];
  if (command == "version" && words.size() == 1) {
    return absl::StrFormat("unroll, worker on core %d, sender on core %d",
                           pins_.worker(), pins_.sender());
  }
  if (command == "prepare" && words.size() == 2) return Prepare(words[1]);
  const bool run = command == "run" && words.size() >= 7;
  const bool live = command == "live" && words.size() == 5;
  if (!run && !live) {
    return Invalid(
        "expected: version | prepare MODEL | run LENGTHS RATE COUNT SEED "
        "keep|drop POLICY... | live STREAMS STEPS SEED continuous|single");
  }
  if (model_ == nullptr) return Invalid("no model is prepared");
  return run ? Run(words) : RunLive(words);
}

absl::StatusOr<std::string> SchedulerWorker::Prepare(const std::string& model) {
  pins_.RunAsWorker();
  ASSIGN_OR_RETURN(model_, BenchModel::Create(model));
  return absl::StrFormat("%.3f",
                         absl::ToDoubleMicroseconds(model_->step_alone()));
}

absl::StatusOr<std::string> SchedulerWorker::Run(const Words& words) {
  ASSIGN_OR_RETURN(const JobOptions options,
                   JobOptionsOf(words[1], words[2], words[3], words[4]));
  if (words[5] != "keep" && words[5] != "drop") {
    return Invalid("\"%s\", expected keep or drop", words[5]);
  }
  Jobs jobs(options, *model_);
  const PolicyParts parts = {.model = *model_,
                             .clock = clock_,
                             .start = StartOfRun(),
                             .drops = words[5] == "drop"};
  ASSIGN_OR_RETURN(const auto policy,
                   MakePolicy(Words(words.begin() + 6, words.end()), parts));
  const auto send = options.rate > 0 ? SendOnTime : SendAsTheyGetThrough;
  ASSIGN_OR_RETURN(const Work work, Send(jobs, send, parts.start, *policy));
  return Summary(jobs.all(), work).dump();
}

absl::StatusOr<std::string> SchedulerWorker::RunLive(const Words& words) {
  ASSIGN_OR_RETURN(const LiveOptions options,
                   LiveOptionsOf(words[1], words[2], words[3]));
  if (!model_->served()->incremental()) {
    return Invalid("live streams need a model of one direction");
  }
  Jobs jobs(options, *model_);
  const PolicyParts parts = {
      .model = *model_, .clock = clock_, .start = StartOfRun()};
  std::unique_ptr<Policy> policy;
  if (words[4] == "continuous") {
    policy = std::make_unique<LivePolicy>(jobs.all(), options, parts);
  } else if (words[4] == "single") {
    policy = std::make_unique<WholePolicy>(WholeOptions{}, parts);
  } else {
    return Invalid("\"%s\", expected continuous or single", words[4]);
  }
  ASSIGN_OR_RETURN(const Work work,
                   Send(jobs, SendOnTime, parts.start, *policy));
  return LiveSummary(jobs.all(), work).dump();
}

absl::Time SchedulerWorker::StartOfRun() const {
  pins_.RunAsWorker();  // for the policy's thread
  return clock_.Now();
}

absl::StatusOr<Work> SchedulerWorker::Send(Jobs& jobs, SendFunction send,
                                           absl::Time start, Policy& policy) {
  pins_.RunAsSender();
  const absl::Duration cpu = OtherThreadsCpu();
  send(jobs.all(), policy,
       {.clock = clock_, .start = start, .spins = pins_.sender_may_spin()});
  Work work = policy.work();
  work.cpu = OtherThreadsCpu() - cpu;
  RETURN_IF_ERROR(jobs.Check(*model_));
  return work;
}

}  // namespace unroll::bench
