#include "server/predict_stream_call.h"

#include <iterator>

#include "core/base/status_macros.h"
#include "core/serve/state_token.h"

namespace unroll::server {
namespace {

constexpr int64_t kFullMessage = 64 << 10;  // bytes

}  // namespace

PredictStreamCall::PredictStreamCall(
    CallEnvironment& environment, grpc::CallbackServerContext& context,
    const Received<v1::PredictStreamRequest>& received)
    : StreamCall(environment, kFullMessage) {
  record_.emplace(environment, "PredictStream", received.message.model());
  const absl::Status status = Begin(context, received);
  if (!status.ok()) Refuse(status, context);
}

absl::Status PredictStreamCall::Begin(
    const grpc::CallbackServerContext& context,
    const Received<v1::PredictStreamRequest>& received) {
  RETURN_IF_ERROR(received.Check());
  const v1::PredictStreamRequest& request = received.message;
  RETURN_IF_ERROR(StreamCall::Begin(request, context));
  ASSIGN_OR_RETURN(plan_, PlanResults(request.outputs(), *model_));
  ASSIGN_OR_RETURN(SequenceRequest sequence,
                   ToSequenceRequest(request.sequence(), plan_, model_,
                                     environment_.max_steps));
  ASSIGN_OR_RETURN(continuation_,
                   Continuation::Begin(request.sequence(),
                                       environment_.state_keys, sequence));
  if (plan_.state_token_every > 0) token_bytes_ = StateTokenBytes(*model_);
  RETURN_IF_ERROR(SizeMessages(5 * std::ssize(sequence.tokens)));
  // What may wait in the outbox: everything when all comes at the end.
  const int64_t outbox = model_->incremental()
                             ? (kFullOutbox + 1) * largest_message_
                             : ResultBytes(sequence, plan_) + largest_message_;
  ASSIGN_OR_RETURN(ticket_, environment_.admission.Admit(
                                static_cast<int64_t>(request.SpaceUsedLong()) +
                                WorkingBytes(sequence) + outbox));
  if (request.sequence().has_text()) {
    MutexLock lock(mutex_);
    OpenMessage().mutable_token_ids()->Add(sequence.tokens.begin(),
                                           sequence.tokens.end());
  }
  return Submit(std::move(sequence));
}

}  // namespace unroll::server
