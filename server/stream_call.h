#ifndef UNROLL_SERVER_STREAM_CALL_H_
#define UNROLL_SERVER_STREAM_CALL_H_

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/mutex.h"
#include "core/serve/sequence.h"
#include "server/call.h"
#include "server/continuation.h"
#include "server/convert_request.h"
#include "server/convert_result.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// With this many messages waiting for the reader its sequence pauses.
inline constexpr size_t kFullOutbox = 2;

// A call that streams one sequence's results. A worker puts them into the
// outbox, gRPC takes them out message by message; what comes together while a
// message is on its way goes into the next. Owns itself: made with new, deleted
// by gRPC's OnDone. Reactor is gRPC's, Response what it writes; made for
// PredictStream and Live.
template <typename Reactor, typename Response>
class StreamCall : public Reactor, private SequenceSink {
 public:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  bool InternalInlineable() override { return true; }  // as PredictCall

 protected:
  // `full_message`: a message takes no more results once it has so many bytes,
  // or a quarter of --max-message-bytes if that is less.
  StreamCall(CallEnvironment& environment, int64_t full_message);

  // What all openings have in common, for a PredictStreamRequest or
  // LiveOpening: finds the model, so that plan_ can be made.
  template <typename Request>
  absl::Status Begin(const Request& request,
                     const grpc::CallbackServerContext& context) {
    return Begin(request.model(), request.version(), request.request_id(),
                 request.priority(), context);
  }
  // Once there is a plan. RESOURCE_EXHAUSTED: the largest message, one step and
  // token past a full one with all that the first and last carry besides and so
  // many bytes more, would pass --max-message-bytes.
  absl::Status SizeMessages(int64_t more);
  // Submits. On an error nothing has been, nor will be, told to the sink.
  absl::Status Submit(SequenceRequest request);
  // Finishes a call that has no sequence running.
  void Refuse(const absl::Status& status, grpc::CallbackServerContext& context);

  // The message that takes more results: a new one once the last is full.
  Response& OpenMessage() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What to do with the outbox now. Whoever gets another action than kNone has
  // to Perform it, without the lock; until then nobody else gets one, so that
  // the call lives.
  enum class Action { kNone, kWrite, kWriteAndFinish, kFinish };
  Action NextAction() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Perform(Action action);

  // A message before a status that is not OK, after all results.
  virtual std::optional<Response> BeforeFailure(const SequenceEnd&) {
    return std::nullopt;
  }
  std::shared_ptr<Sequence> sequence() const;

  // Constant once submitted, but for the record, which is so from before.
  CallEnvironment& environment_;
  std::optional<CallRecord> record_;
  const int64_t full_message_;                // bytes
  std::shared_ptr<const ServedModel> model_;  // shared with the sequence
  ResultPlan plan_;
  Continuation continuation_;
  std::string request_id_;
  int64_t step_bytes_ = 0;
  int64_t token_bytes_ = 0;      // of one on the way; 0: none are wanted
  int64_t largest_message_ = 0;  // bytes
  int priority_ = 0;
  absl::Time deadline_;
  Admission::Ticket ticket_;  // of the thread that begins and reads

  mutable Mutex mutex_;
  std::shared_ptr<Sequence> sequence_ ABSL_GUARDED_BY(mutex_);
  std::deque<Response> outbox_ ABSL_GUARDED_BY(mutex_);
  int64_t steps_written_ ABSL_GUARDED_BY(mutex_) = 0;  // handed to gRPC
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);

 private:
  absl::Status Begin(const std::string& model, int64_t version,
                     const std::string& request_id, int32_t priority,
                     const grpc::CallbackServerContext& context);

  // SequenceSink.
  bool OnSteps(const StepResults& results) override;
  void OnDone(const SequenceEnd& end) override;

  // A token of a state on the way. Nothing: OpenSSL failed, and the sequence
  // will end with that.
  std::optional<std::string> MakeToken(const StateAt& state);
  // What the last message says of the whole.
  absl::StatusOr<v1::StreamEnd> MakeEnd(const SequenceEnd& end) const;

  Response writing_;  // of the write under way

  int64_t last_message_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool write_under_way_ ABSL_GUARDED_BY(mutex_) = false;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // the reader is gone
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  // Of a head that is applied once: for the last message.
  Response final_scores_ ABSL_GUARDED_BY(mutex_);
  absl::Duration queue_ ABSL_GUARDED_BY(mutex_);
  absl::Duration compute_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_STREAM_CALL_H_
