#ifndef UNROLL_SERVER_PREDICT_CALL_H_
#define UNROLL_SERVER_PREDICT_CALL_H_

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "core/serve/sequence.h"
#include "server/call.h"
#include "server/continuation.h"
#include "server/convert_request.h"
#include "server/convert_result.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// One Predict call: submits its sequences, fills the reply as their batches
// run, and finishes with the last of them. Owns itself: made with new, deleted
// by gRPC's OnDone.
class PredictCall final : public grpc::ServerUnaryReactor {
 public:
  // `request` and `response` live until the call is done, by gRPC's promise.
  PredictCall(CallEnvironment& environment,
              grpc::CallbackServerContext& context,
              const v1::PredictRequest& request, v1::PredictResponse& response);

  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  // Where one sequence's results go.
  class Part final : public SequenceSink {
   public:
    Part(PredictCall& call, v1::SequenceResult& result,
         Continuation continuation)
        : call_(call),
          result_(result),
          continuation_(std::move(continuation)) {}
    bool OnSteps(const StepResults& results) override;
    void OnDone(const SequenceEnd& end) override;

    // Of the ended sequence.
    absl::Status status;
    absl::Duration queue, compute;

   private:
    PredictCall& call_;
    v1::SequenceResult& result_;
    const Continuation continuation_;
  };

  // Checks everything and submits; nothing runs unless all is well.
  absl::Status Begin(const grpc::CallbackServerContext& context,
                     const v1::PredictRequest& request);
  absl::Status AddSequence(const v1::Sequence& sequence);
  void End(const absl::Status& status);

  // Constant once submitted.
  CallEnvironment& environment_;
  v1::PredictResponse& response_;
  const CallRecord record_;
  std::shared_ptr<const ServedModel> model_;  // shared with the sequences
  ResultPlan plan_;
  Admission::Ticket ticket_;
  std::vector<std::shared_ptr<Sequence>> sequences_;
  std::vector<std::unique_ptr<Part>> parts_;  // each in one worker at a time
  int64_t reply_bytes_ = 0;
  absl::Time deadline_;
  int priority_ = 0;

  std::atomic<int64_t> unfinished_ = 0;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_PREDICT_CALL_H_
