#include "client/load/recorder.h"

#include "client/status.h"

namespace unroll::client {

Recorder::Recorder(absl::Duration begin, absl::Duration end)
    : begin_(begin), end_(end) {}

void Recorder::OnSent(bool measured, absl::Duration lateness) {
  if (!measured) return;
  const std::lock_guard lock(mutex_);
  report_.lateness.Add(lateness);
}

void Recorder::OnResults(bool measured, const Results& results,
                         absl::Duration now) {
  const std::lock_guard lock(mutex_);
  progress_.steps += results.steps;
  if (InTime(now)) steps_in_time_ += results.steps;
  if (!measured) return;
  ++report_.messages;
  report_.steps += results.steps;
  if (results.first) report_.first.Add(*results.first);
  if (results.gap) report_.gap.Add(*results.gap);
}

void Recorder::OnLatency(bool measured, absl::Duration latency) {
  const std::lock_guard lock(mutex_);
  progress_.latency.Add(latency);
  if (measured) report_.latency.Add(latency);
}

void Recorder::OnEnd(bool measured, const grpc::Status& status,
                     absl::Duration now) {
  const std::lock_guard lock(mutex_);
  ++(status.ok() ? progress_.sequences : progress_.failed);
  if (status.ok() && InTime(now)) ++sequences_in_time_;
  if (!measured) return;
  if (status.ok()) {
    ++report_.succeeded;
    return;
  }
  ++report_.failed;
  LoadErrors& errors = report_.errors[{
      static_cast<absl::StatusCode>(status.error_code()), ReasonOf(status)}];
  if (errors.count++ == 0) errors.message = status.error_message();
}

LoadProgress Recorder::TakeProgress(absl::Duration now) {
  const std::lock_guard lock(mutex_);
  LoadProgress progress = std::exchange(progress_, {});
  progress.at = now;
  return progress;
}

LoadReport Recorder::report() const {
  const std::lock_guard lock(mutex_);
  LoadReport report = report_;
  report.measured = end_ - begin_;
  const double seconds = absl::ToDoubleSeconds(report.measured);
  report.sequences_per_second =
      static_cast<double>(sequences_in_time_) / seconds;
  report.steps_per_second = static_cast<double>(steps_in_time_) / seconds;
  report.unanswered = report.failed;
  return report;
}

}  // namespace unroll::client
