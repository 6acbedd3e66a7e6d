#ifndef UNROLL_SERVER_PREDICT_CALL_H_
#define UNROLL_SERVER_PREDICT_CALL_H_

#include <memory>
#include <vector>

#include "server/call.h"
#include "server/continuation.h"
#include "server/convert_request.h"
#include "server/convert_result.h"
#include "server/received.h"
#include "server/sequence_group.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// One Predict call: submits its sequences, fills the reply as their batches
// run, and finishes with the last of them. Owns itself: made with new, deleted
// by gRPC's OnDone.
class PredictCall final : public grpc::ServerUnaryReactor,
                          private SequenceGroup::Owner {
 public:
  // `received` and `response` live until the call is done, by gRPC's promise.
  PredictCall(CallEnvironment& environment,
              grpc::CallbackServerContext& context,
              const Received<v1::PredictRequest>& received,
              v1::PredictResponse& response);

  void OnCancel() override;
  void OnDone() override { delete this; }
  // gRPC's hook for reactors whose reactions are short: they then need no hop
  // to another thread of its, which cost more than the rest of the call's end.
  bool InternalInlineable() override { return true; }

 private:
  // Checks everything and submits; nothing runs unless all is well.
  absl::Status Begin(const grpc::CallbackServerContext& context,
                     const Received<v1::PredictRequest>& received);
  absl::Status AddSequence(const v1::Sequence& sequence);

  // SequenceGroup::Owner.
  bool OnSteps(int64_t index, const StepResults& results) override;
  absl::Status OnEnd(int64_t index, const SequenceEnd& end) override;
  void OnAllEnded(const absl::Status& status) override;

  // Constant once submitted.
  CallEnvironment& environment_;
  v1::PredictResponse& response_;
  const CallRecord record_;
  SequenceGroup sequences_;
  std::shared_ptr<const ServedModel> model_;  // shared with the sequences
  ResultPlan plan_;
  std::vector<Continuation> continuations_;  // of each sequence
  int64_t reply_bytes_ = 0;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_PREDICT_CALL_H_
