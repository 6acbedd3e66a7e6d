#include "server/predict_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/serve/reason.h"

namespace unroll::server {

PredictCall::PredictCall(CallEnvironment& environment,
                         grpc::CallbackServerContext& context,
                         const Received<v1::PredictRequest>& received,
                         v1::PredictResponse& response)
    : environment_(environment),
      response_(response),
      record_(environment, "Predict", received.message.model()),
      sequences_(environment, *this) {
  const absl::Status status = Begin(context, received);
  if (status.ok()) return;
  SetPushback(status, context);
  OnAllEnded(status);
}

absl::Status PredictCall::Begin(const grpc::CallbackServerContext& context,
                                const Received<v1::PredictRequest>& received) {
  RETURN_IF_ERROR(received.Check());
  const v1::PredictRequest& request = received.message;
  ASSIGN_OR_RETURN(*response_.mutable_request_id(),
                   RequestId(request.request_id()));
  ASSIGN_OR_RETURN(
      model_, environment_.models.Find(request.model(), request.version()));
  ASSIGN_OR_RETURN(plan_, PlanResults(request.outputs(), *model_));
  if (plan_.state_token_every > 0) {
    return absl::InvalidArgumentError(
        "outputs.state_token_every: is for PredictStream; ask for STATE_TOKEN");
  }
  if (request.sequences().empty()) {
    return absl::InvalidArgumentError("sequences: none, expected 1 or more");
  }
  ASSIGN_OR_RETURN(const int priority, Priority(request.priority()));
  RETURN_IF_ERROR(sequences_.Admit(
      Deadline(context, environment_.clock), absl::InfiniteDuration(), priority,
      static_cast<int64_t>(request.SpaceUsedLong())));
  response_.mutable_results()->Reserve(request.sequences_size());
  for (int i = 0; i < request.sequences_size(); ++i) {
    const absl::Status status = AddSequence(request.sequences(i));
    if (!status.ok()) {
      return WithMessage(
          status, absl::StrFormat("sequences[%d]: %s", i, status.message()));
    }
  }
  if (reply_bytes_ > environment_.max_message_bytes) {
    return ReplyTooLarge(absl::StrCat(reply_bytes_),
                         environment_.max_message_bytes, "results");
  }
  return sequences_.Submit();
}

absl::Status PredictCall::AddSequence(const v1::Sequence& sequence) {
  ASSIGN_OR_RETURN(
      SequenceRequest request,
      ToSequenceRequest(sequence, plan_, model_, environment_.max_steps));
  ASSIGN_OR_RETURN(
      Continuation continuation,
      Continuation::Begin(sequence, environment_.state_keys, request));
  const int64_t result_bytes = ResultBytes(request, plan_);
  reply_bytes_ += result_bytes;
  // Too large a reply: only its size is still of interest.
  if (reply_bytes_ > environment_.max_message_bytes) return absl::OkStatus();
  // The result and its serialised form.
  RETURN_IF_ERROR(sequences_.Pay(WorkingBytes(request) + 2 * result_bytes));
  v1::SequenceResult& result = *response_.add_results();
  if (sequence.has_text()) {
    result.mutable_token_ids()->Add(request.tokens.begin(),
                                    request.tokens.end());
  }
  if (plan_.blanks) {
    const std::vector<int64_t>& steps = request.selection.indices;
    result.mutable_steps()->Add(steps.begin(), steps.end());
  }
  continuations_.push_back(std::move(continuation));
  sequences_.Add(std::move(request));
  return absl::OkStatus();
}

bool PredictCall::OnSteps(int64_t index, const StepResults& results) {
  v1::SequenceResult& result =
      *response_.mutable_results(static_cast<int>(index));
  for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
    AppendStep(results, i, plan_, *model_, result);
  }
  SetFinalScores(results, plan_, *model_, result);
  return true;
}

absl::Status PredictCall::OnEnd(int64_t index, const SequenceEnd& end) {
  RETURN_IF_ERROR(end.status);
  v1::SequenceResult& result =
      *response_.mutable_results(static_cast<int>(index));
  if (plan_.final_state) {
    SetState(end.state, model_->info, *result.mutable_final_state());
  }
  return continuations_[index].SetEnd(end, plan_.state_token, result);
}

void PredictCall::OnCancel() {
  sequences_.Cancel(CancelStatus(sequences_.deadline(), environment_.clock));
}

void PredictCall::OnAllEnded(const absl::Status& status) {
  if (status.ok()) {
    response_.set_version(model_->info.version);
    SetTiming(sequences_.queue(), sequences_.compute(),
              *response_.mutable_timing());
  }
  record_.End(status,
              [this] { return sequences_.Detail(response_.request_id()); });
  Finish(ToGrpc(status));
}

}  // namespace unroll::server
