#ifndef UNROLL_SERVER_PREDICT_STREAM_CALL_H_
#define UNROLL_SERVER_PREDICT_STREAM_CALL_H_

#include <deque>
#include <memory>
#include <optional>

#include "core/base/mutex.h"
#include "core/serve/sequence.h"
#include "server/call.h"
#include "server/continuation.h"
#include "server/convert_request.h"
#include "server/convert_result.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// One PredictStream call. A worker puts results into the outbox, gRPC takes
// them out message by message; what comes together while a message is on its
// way goes into the next. Owns itself: made with new, deleted by gRPC's OnDone.
class PredictStreamCall final
    : public grpc::ServerWriteReactor<v1::PredictStreamResponse>,
      private SequenceSink {
 public:
  // `request` lives until the call is done, by gRPC's promise.
  PredictStreamCall(CallEnvironment& environment,
                    grpc::CallbackServerContext& context,
                    const v1::PredictStreamRequest& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  absl::Status Begin(const grpc::CallbackServerContext& context,
                     const v1::PredictStreamRequest& request);

  // SequenceSink.
  bool OnSteps(const StepResults& results) override;
  void OnDone(const SequenceEnd& end) override;

  // A token of a state on the way. Nothing: OpenSSL failed, and the sequence
  // will end with that.
  std::optional<std::string> MakeToken(const StateAt& state);
  // What the last message says of the whole.
  absl::StatusOr<v1::StreamEnd> MakeEnd(const SequenceEnd& end) const;
  // The message that takes more results: a new one once the last is full.
  v1::PredictStreamResponse& OpenMessage()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What to do with the outbox now. Whoever gets another action than kNone has
  // to Perform it, without the lock; until then nobody else gets one, so that
  // the call lives.
  enum class Action { kNone, kWrite, kWriteAndFinish, kFinish };
  Action NextAction() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Perform(Action action);

  // Constant once submitted.
  CallEnvironment& environment_;
  const CallRecord record_;
  const int64_t full_message_;                // bytes
  std::shared_ptr<const ServedModel> model_;  // shared with the sequence
  ResultPlan plan_;
  Continuation continuation_;
  std::string request_id_;
  int64_t step_bytes_ = 0;
  int64_t token_bytes_ = 0;  // of one on the way; 0: none are wanted
  absl::Time deadline_;
  Admission::Ticket ticket_;
  std::shared_ptr<Sequence> sequence_;

  v1::PredictStreamResponse writing_;  // of the write under way

  Mutex mutex_;
  std::deque<v1::PredictStreamResponse> outbox_ ABSL_GUARDED_BY(mutex_);
  int64_t last_message_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool write_under_way_ ABSL_GUARDED_BY(mutex_) = false;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // the reader is gone
  // Of a head that is applied once: for the last message.
  v1::PredictStreamResponse final_scores_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  absl::Duration queue_ ABSL_GUARDED_BY(mutex_);
  absl::Duration compute_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_PREDICT_STREAM_CALL_H_
