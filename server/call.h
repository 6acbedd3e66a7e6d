#ifndef UNROLL_SERVER_CALL_H_
#define UNROLL_SERVER_CALL_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/serve/admission.h"
#include "core/serve/kept_sequences.h"
#include "core/serve/model_registry.h"
#include "core/serve/scheduler.h"
#include "server/call_gate.h"
#include "server/drain_notice.h"
#include "server/infer_statistics.h"
#include "server/metrics.h"
#include "server/state_key_ring.h"
#include "server/status.h"

namespace unroll::server {

// What every call needs. All of it outlives the gRPC server.
struct CallEnvironment {
  const Clock& clock;
  const ModelRegistry& models;
  Admission& admission;
  Scheduler& scheduler;
  Metrics& metrics;
  CallGate& gate;
  DrainNotice& drain_notice;
  const StateKeyRing& state_keys;
  KeptSequences& kept_sequences;
  InferStatistics& infer_statistics;
  int64_t max_batch_rows = 0;
  int64_t max_steps = 0;
  int64_t max_message_bytes = 0;
  absl::Duration idle_timeout;
  absl::Duration slow_call_threshold;  // zero: none is logged
  bool any_model_is_enough = false;    // to be ready
  bool config_of_sequences = false;    // ModelConfig tells sequence_batching

  // Whether the server is to get calls: all models are served, or any.
  bool Ready() const;
};

// The call's deadline on `clock` (which a step of the wall clock does not
// move), or InfiniteFuture.
absl::Time Deadline(const grpc::CallbackServerContext& context,
                    const Clock& clock);

// Why gRPC cancelled a call with that deadline.
absl::Status CancelStatus(absl::Time deadline, const Clock& clock);

// INVALID_ARGUMENT: out of range.
absl::StatusOr<int> Priority(int32_t given);

// RESOURCE_EXHAUSTED, with a reason and a delay: by the work ahead it would
// wait longer than --max-queue-time or past its deadline. UNAVAILABLE:
// draining.
absl::Status CheckWait(const CallEnvironment& environment, absl::Time deadline);

// The caller's id, or a new one of 16 hexadecimal digits.
// INVALID_ARGUMENT: longer than 128 bytes.
absl::StatusOr<std::string> RequestId(const std::string& given);

// Counts a call while it lives, and tells metrics and log of its end. Part of
// every reactor, so that it goes when gRPC has finished with the call.
class CallRecord {
 public:
  CallRecord(CallEnvironment& environment, std::string_view method,
             std::string model)
      : environment_(environment), method_(method), model_(std::move(model)) {
    environment_.gate.Enter();
  }
  ~CallRecord() { environment_.gate.Leave(); }
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  // `detail` goes into the log line of a failed or slow call, if there is one.
  void End(const absl::Status& status,
           absl::FunctionRef<std::string()> detail) const;

 private:
  CallEnvironment& environment_;
  const std::string_view method_;
  const std::string model_;
  const absl::Time begin_ = environment_.clock.Now();
};

// RESOURCE_EXHAUSTED, for a reply of so many bytes of which a caller may ask
// for less `of`.
absl::Status ReplyTooLarge(std::string_view bytes, int64_t max_message_bytes,
                           std::string_view of);

// Finishes a call that needed no waiting.
grpc::ServerUnaryReactor* FinishNow(grpc::CallbackServerContext& context,
                                    const CallRecord& record,
                                    const absl::Status& status);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CALL_H_
