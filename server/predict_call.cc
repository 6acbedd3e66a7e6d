#include "server/predict_call.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/reason.h"

namespace unroll::server {

PredictCall::PredictCall(CallEnvironment& environment,
                         grpc::CallbackServerContext& context,
                         const v1::PredictRequest& request,
                         v1::PredictResponse& response)
    : environment_(environment),
      response_(response),
      record_(environment, "Predict", request.model()) {
  const absl::Status status = Begin(context, request);
  if (status.ok()) return;
  SetPushback(status, context);
  End(status);
}

absl::Status PredictCall::Begin(const grpc::CallbackServerContext& context,
                                const v1::PredictRequest& request) {
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
  ASSIGN_OR_RETURN(priority_, Priority(request.priority()));
  deadline_ = Deadline(context, environment_.clock);
  RETURN_IF_ERROR(CheckWait(environment_, deadline_));
  ASSIGN_OR_RETURN(ticket_, environment_.admission.Admit(
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
    return absl::ResourceExhaustedError(absl::StrFormat(
        "the reply would be %d bytes, expected at most %d "
        "(--max-message-bytes); ask for fewer results, steps or sequences",
        reply_bytes_, environment_.max_message_bytes));
  }
  unfinished_ = std::ssize(sequences_);
  return environment_.scheduler.Submit(sequences_);
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
  RETURN_IF_ERROR(ticket_.Extend(WorkingBytes(request) + 2 * result_bytes));
  v1::SequenceResult& result = *response_.add_results();
  if (sequence.has_text()) {
    result.mutable_token_ids()->Add(request.tokens.begin(),
                                    request.tokens.end());
  }
  if (plan_.blanks) {
    const std::vector<int64_t>& steps = request.selection.indices;
    result.mutable_steps()->Add(steps.begin(), steps.end());
  }
  parts_.push_back(
      std::make_unique<Part>(*this, result, std::move(continuation)));
  request.sink = parts_.back().get();
  request.deadline = deadline_;
  request.priority = priority_;
  sequences_.push_back(std::make_shared<Sequence>(std::move(request)));
  return absl::OkStatus();
}

bool PredictCall::Part::OnSteps(const StepResults& results) {
  const ResultPlan& plan = call_.plan_;
  for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
    AppendStep(results, i, plan, *call_.model_, result_);
  }
  SetFinalScores(results, plan, *call_.model_, result_);
  return true;
}

void PredictCall::Part::OnDone(const SequenceEnd& end) {
  status = end.status;
  queue = end.queue;
  compute = end.compute;
  if (call_.plan_.final_state && status.ok()) {
    SetState(end.state, call_.model_->info, *result_.mutable_final_state());
  }
  if (status.ok()) {
    status = continuation_.SetEnd(end, call_.plan_.state_token, result_);
  }
  // The last one sees what all others wrote.
  if (call_.unfinished_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  absl::Status whole;
  for (const auto& part : call_.parts_) whole.Update(part->status);
  call_.End(whole);
}

void PredictCall::OnCancel() {
  const absl::Status status = CancelStatus(deadline_, environment_.clock);
  for (const auto& sequence : sequences_) {
    environment_.scheduler.Cancel(sequence, status);
  }
}

void PredictCall::End(const absl::Status& status) {
  absl::Duration queue, compute;
  for (const auto& part : parts_) {
    queue = std::max(queue, part->queue);
    compute = std::max(compute, part->compute);
  }
  if (status.ok()) {
    response_.set_version(model_->info.version);
    SetTiming(queue, compute, *response_.mutable_timing());
  }
  record_.End(status,
              absl::StrFormat("request_id %s sequences %d queue %s "
                              "compute %s",
                              Quoted(response_.request_id()), sequences_.size(),
                              absl::FormatDuration(queue),
                              absl::FormatDuration(compute)));
  Finish(ToGrpc(status));
}

}  // namespace unroll::server
