#ifndef UNROLL_CLIENT_LOAD_RECORDER_H_
#define UNROLL_CLIENT_LOAD_RECORDER_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/load/histogram.h"

namespace unroll::client {

struct LoadErrors {
  int64_t count = 0;
  std::string message;  // of one of them
};

// What a run has come to. All of it is about what was due after the warm-up.
struct LoadReport {
  // From the scheduled send (in a closed loop: the send) to the last result; of
  // paced live streams, to each step's result.
  Histogram latency;
  Histogram first;  // from the scheduled send to a sequence's first results
  Histogram gap;    // between two deliveries of a sequence's results
  // How far behind its own schedule the generator was when it sent.
  Histogram lateness;

  int64_t succeeded = 0;  // sequences
  int64_t failed = 0;
  int64_t steps = 0;     // with results
  int64_t messages = 0;  // that brought them
  // By code and ErrorInfo's reason ("": none).
  std::map<std::pair<absl::StatusCode, std::string>, LoadErrors> errors;
  // What has no latency: it failed, or was never sent since its stream had.
  int64_t unanswered = 0;

  // Within the time of measuring, of whatever was due when.
  absl::Duration measured;
  double sequences_per_second = 0;
  double steps_per_second = 0;
};

// What has happened since the last look.
struct LoadProgress {
  absl::Duration at;  // since the run began
  int64_t sequences = 0;
  int64_t steps = 0;
  int64_t failed = 0;
  Histogram latency;
};

// Gathers what happens in a run, from any thread. `measured` says whether it is
// of a sequence or step that was due after the warm-up; all times count from
// the run's begin.
class Recorder {
 public:
  // Measures from `begin` to `end`.
  Recorder(absl::Duration begin, absl::Duration end);

  bool Measures(absl::Duration due) const { return due >= begin_; }

  void OnSent(bool measured, absl::Duration lateness);

  struct Results {
    int64_t steps = 0;
    std::optional<absl::Duration> first;
    std::optional<absl::Duration> gap;
  };
  void OnResults(bool measured, const Results& results, absl::Duration now);
  void OnLatency(bool measured, absl::Duration latency);
  void OnEnd(bool measured, const grpc::Status& status, absl::Duration now);

  LoadProgress TakeProgress(absl::Duration now);
  LoadReport report() const;

 private:
  bool InTime(absl::Duration now) const { return now >= begin_ && now < end_; }

  const absl::Duration begin_;
  const absl::Duration end_;

  mutable std::mutex mutex_;  // guards what follows
  LoadReport report_;
  LoadProgress progress_;
  int64_t sequences_in_time_ = 0;
  int64_t steps_in_time_ = 0;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_RECORDER_H_
