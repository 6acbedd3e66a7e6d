#include "server/infer_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/reason.h"
#include "server/convert_result.h"

namespace unroll::server {

absl::Status InferRun::Begin(absl::Time deadline) {
  const absl::Status status = CheckAndSubmit(deadline);
  if (!status.ok()) Record(status);
  return status;
}

absl::Status InferRun::CheckAndSubmit(absl::Time deadline) {
  ASSIGN_OR_RETURN(const int64_t version,
                   ReadVersion(request_.model_version()));
  ASSIGN_OR_RETURN(model_,
                   environment_.models.Find(request_.model_name(), version));
  ASSIGN_OR_RETURN(parameters_, ReadInferParameters(request_.parameters()));
  ASSIGN_OR_RETURN(
      plan_, PlanInferOutputs(request_, *model_, parameters_.wants_token));
  RETURN_IF_ERROR(sequences_.Admit(
      deadline, begin_ + parameters_.timeout, parameters_.priority,
      static_cast<int64_t>(request_.SpaceUsedLong()) +
          ConvertedBytes(request_)));
  ASSIGN_OR_RETURN(inputs_, InferInputs::Read(request_, model_));
  // Of texts the length is not known yet.
  RETURN_IF_ERROR(ReplyBytes(std::max<int64_t>(1, inputs_->steps())).status());
  for (int64_t n = 0; n < inputs_->sequences(); ++n) {
    const absl::Status status = AddSequence(n);
    if (!status.ok()) {
      return WithMessage(
          status, absl::StrFormat("sequence %d: %s", n, status.message()));
    }
  }
  ASSIGN_OR_RETURN(const int64_t bytes, ReplyBytes(inputs_->steps()));
  RETURN_IF_ERROR(sequences_.Pay(2 * bytes));  // and its serialised form
  reply_.emplace(plan_.outputs, *model_, inputs_->sequences(), inputs_->steps(),
                 response_);
  submitted_ = environment_.clock.Now();
  return sequences_.Submit();
}

absl::StatusOr<int64_t> InferRun::ReplyBytes(int64_t steps) const {
  const auto bytes =
      InferOutputBytes(plan_, *model_, inputs_->sequences(), steps);
  if (bytes && *bytes <= environment_.max_message_bytes) return *bytes;
  return absl::ResourceExhaustedError(absl::StrFormat(
      "the reply would be %s bytes, expected at most %d "
      "(--max-message-bytes); ask for fewer outputs, steps or sequences",
      bytes ? absl::StrCat(*bytes) : "2^63 or more",
      environment_.max_message_bytes));
}

absl::Status InferRun::AddSequence(int64_t n) {
  ASSIGN_OR_RETURN(SequenceRequest request,
                   inputs_->Take(n, environment_.max_steps));
  std::string_view token = inputs_->state_token(n);
  if (token.empty()) token = parameters_.state_token;
  ASSIGN_OR_RETURN(
      Continuation continuation,
      Continuation::Begin({.state_token = token,
                           .has_initial_state = inputs_->has_initial_state(),
                           .require_exact = parameters_.require_exact},
                          environment_.state_keys, request));
  request.wants_scores = plan_.results.needs_head();
  RETURN_IF_ERROR(sequences_.Pay(WorkingBytes(request)));
  continuations_.push_back(std::move(continuation));
  sequences_.Add(std::move(request));
  return absl::OkStatus();
}

bool InferRun::OnSteps(int64_t index, const StepResults& results) {
  for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
    reply_->SetStep(index, results.steps()[i], results, i);
  }
  reply_->SetFinalScores(index, results);
  return true;
}

absl::Status InferRun::OnEnd(int64_t index, const SequenceEnd& end) {
  RETURN_IF_ERROR(end.status);
  reply_->SetState(index, end.state.front());
  const Continuation& continuation = continuations_[index];
  if (plan_.results.state_token) {
    ASSIGN_OR_RETURN(const std::string token,
                     continuation.Token(end.state, end.steps));
    reply_->SetToken(index, token);
  }
  if (sequences_.size() > 1) return absl::OkStatus();
  auto& parameters = *response_.mutable_parameters();
  if (plan_.results.state_token || continuation.exact()) {
    parameters["steps_done"].set_int64_param(continuation.steps_before() +
                                             end.steps);
  }
  if (continuation.exact()) {
    parameters["exact"].set_bool_param(*continuation.exact());
  }
  return absl::OkStatus();
}

void InferRun::OnAllEnded(const absl::Status& status) {
  if (status.ok()) {
    reply_->Finish();
    response_.set_model_name(model_->info.name);
    response_.set_model_version(absl::StrCat(model_->info.version));
    response_.set_id(request_.id());
  }
  Record(status);
  done_(status);
}

void InferRun::Record(const absl::Status& status) {
  if (model_ == nullptr) return;
  environment_.infer_statistics.OnRequest(
      model_->info, {.status = status,
                     .sequences = sequences_.size(),
                     .total = environment_.clock.Now() - begin_,
                     .input = submitted_ - begin_,
                     .queue = sequences_.queue(),
                     .compute = sequences_.compute()});
}

std::string InferRun::Detail() const {
  return absl::StrFormat("request_id %s sequences %d queue %s compute %s",
                         Quoted(request_.id()), sequences_.size(),
                         absl::FormatDuration(sequences_.queue()),
                         absl::FormatDuration(sequences_.compute()));
}

}  // namespace unroll::server
