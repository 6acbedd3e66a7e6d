#include "server/predict_stream_call.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/state_token.h"

namespace unroll::server {
namespace {

// A message takes no more results once it has this many bytes, or a quarter of
// --max-message-bytes if that is less.
constexpr int64_t kFullMessage = 64 << 10;
// With this many messages waiting for the reader its sequence pauses.
constexpr size_t kFullOutbox = 2;

}  // namespace

PredictStreamCall::PredictStreamCall(CallEnvironment& environment,
                                     grpc::CallbackServerContext& context,
                                     const v1::PredictStreamRequest& request)
    : environment_(environment),
      record_(environment, "PredictStream", request.model()),
      full_message_(std::min(kFullMessage, environment.max_message_bytes / 4)) {
  const absl::Status status = Begin(context, request);
  if (status.ok()) return;
  SetPushback(status, context);
  {
    MutexLock lock(mutex_);
    end_ = status;
  }
  Finish(ToGrpc(status));
}

absl::Status PredictStreamCall::Begin(
    const grpc::CallbackServerContext& context,
    const v1::PredictStreamRequest& request) {
  ASSIGN_OR_RETURN(request_id_, RequestId(request.request_id()));
  ASSIGN_OR_RETURN(
      model_, environment_.models.Find(request.model(), request.version()));
  ASSIGN_OR_RETURN(plan_, PlanResults(request.outputs(), *model_));
  ASSIGN_OR_RETURN(const int priority, Priority(request.priority()));
  deadline_ = Deadline(context, environment_.clock);
  RETURN_IF_ERROR(CheckWait(environment_, deadline_));
  ASSIGN_OR_RETURN(SequenceRequest sequence,
                   ToSequenceRequest(request.sequence(), plan_, model_,
                                     environment_.max_steps));
  ASSIGN_OR_RETURN(continuation_,
                   Continuation::Begin(request.sequence(),
                                       environment_.state_keys, sequence));
  step_bytes_ = StepBytes(*model_, plan_);
  if (plan_.state_token_every > 0) token_bytes_ = StateTokenBytes(*model_);
  // The largest message: one step past a full one, with all that the first and
  // the last message carry besides.
  SequenceRequest last_step;
  last_step.model = model_;
  last_step.steps = 1;
  const int64_t largest = full_message_ + step_bytes_ + token_bytes_ +
                          ResultBytes(last_step, plan_) +
                          5 * std::ssize(sequence.tokens);
  if (largest > environment_.max_message_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("a message would be %d bytes, expected at most %d "
                        "(--max-message-bytes); ask for fewer results",
                        largest, environment_.max_message_bytes));
  }
  // What may wait in the outbox: everything when all comes at the end.
  const int64_t outbox = model_->incremental()
                             ? (kFullOutbox + 1) * largest
                             : ResultBytes(sequence, plan_) + largest;
  ASSIGN_OR_RETURN(ticket_, environment_.admission.Admit(
                                static_cast<int64_t>(request.SpaceUsedLong()) +
                                WorkingBytes(sequence) + outbox));
  if (request.sequence().has_text()) {
    MutexLock lock(mutex_);
    OpenMessage().mutable_token_ids()->Add(sequence.tokens.begin(),
                                           sequence.tokens.end());
  }
  sequence.deadline = deadline_;
  sequence.priority = priority;
  sequence.state_every = plan_.state_token_every;
  sequence.sink = this;
  sequence_ = std::make_shared<Sequence>(std::move(sequence));
  return environment_.scheduler.Submit({&sequence_, 1});
}

v1::PredictStreamResponse& PredictStreamCall::OpenMessage() {
  if (outbox_.empty() || last_message_bytes_ >= full_message_) {
    outbox_.emplace_back();
    last_message_bytes_ = 0;
  }
  return outbox_.back();
}

std::optional<std::string> PredictStreamCall::MakeToken(const StateAt& state) {
  auto token = continuation_.Token(state.tensors, state.steps);
  if (token.ok()) return *std::move(token);
  environment_.scheduler.Cancel(sequence_, token.status());
  return std::nullopt;
}

bool PredictStreamCall::OnSteps(const StepResults& results) {
  std::optional<std::string> token;
  if (results.state()) token = MakeToken(*results.state());
  bool accepts_more;
  Action action;
  {
    MutexLock lock(mutex_);
    for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
      v1::PredictStreamResponse& message = OpenMessage();
      message.add_steps(results.steps()[i]);
      AppendStep(results, i, plan_, *model_, message);
      last_message_bytes_ += step_bytes_;
    }
    if (token) {
      // With the step's results, where they have just been added.
      v1::StepToken& added =
          *(results.steps().empty() ? OpenMessage() : outbox_.back())
               .add_state_tokens();
      added.set_step(results.state()->steps - 1);
      added.set_state_token(*std::move(token));
      last_message_bytes_ += token_bytes_;
    }
    SetFinalScores(results, plan_, *model_, final_scores_);
    accepts_more = outbox_.size() < kFullOutbox;
    paused_ = !accepts_more;
    action = NextAction();
  }
  Perform(action);
  return accepts_more;
}

void PredictStreamCall::OnDone(const SequenceEnd& end) {
  absl::StatusOr<v1::StreamEnd> last = MakeEnd(end);
  Action action;
  {
    MutexLock lock(mutex_);
    if (last.ok()) {
      v1::PredictStreamResponse& message = OpenMessage();
      message.MergeFrom(final_scores_);
      *message.mutable_final() = *std::move(last);
    }
    end_ = last.status();
    queue_ = end.queue;
    compute_ = end.compute;
    action = NextAction();
  }
  // From here on the call may be gone, unless the action is this thread's.
  Perform(action);
}

absl::StatusOr<v1::StreamEnd> PredictStreamCall::MakeEnd(
    const SequenceEnd& end) const {
  RETURN_IF_ERROR(end.status);
  v1::StreamEnd last;
  if (plan_.final_state) {
    SetState(end.state, model_->info, *last.mutable_final_state());
  }
  last.set_version(model_->info.version);
  last.set_request_id(request_id_);
  SetTiming(end.queue, end.compute, *last.mutable_timing());
  RETURN_IF_ERROR(continuation_.SetEnd(end.state, plan_.state_token, last));
  return last;
}

PredictStreamCall::Action PredictStreamCall::NextAction() {
  if (write_under_way_) return Action::kNone;
  if (broken_) outbox_.clear();
  if (outbox_.empty() && !end_) return Action::kNone;
  write_under_way_ = true;  // for good after a finish: nothing may follow it
  if (outbox_.empty()) return Action::kFinish;
  writing_ = std::move(outbox_.front());
  outbox_.pop_front();
  return end_ && end_->ok() && outbox_.empty() ? Action::kWriteAndFinish
                                               : Action::kWrite;
}

void PredictStreamCall::Perform(Action action) {
  switch (action) {
    case Action::kNone:
      break;
    case Action::kWrite:
      StartWrite(&writing_);
      break;
    case Action::kWriteAndFinish:
      StartWriteAndFinish(&writing_, grpc::WriteOptions(), grpc::Status::OK);
      break;
    case Action::kFinish: {
      absl::Status status;
      {
        MutexLock lock(mutex_);
        status = *end_;
      }
      Finish(ToGrpc(status));
      break;
    }
  }
}

void PredictStreamCall::OnWriteDone(bool ok) {
  bool resume;
  Action action;
  {
    MutexLock lock(mutex_);
    write_under_way_ = false;
    broken_ |= !ok;
    resume = paused_ && outbox_.size() < kFullOutbox;
    if (resume) paused_ = false;
    action = NextAction();
  }
  Perform(action);
  if (!ok) OnCancel();
  if (resume && ok) environment_.scheduler.Resume(sequence_);
}

void PredictStreamCall::OnCancel() {
  if (sequence_ == nullptr) return;
  environment_.scheduler.Cancel(sequence_,
                                CancelStatus(deadline_, environment_.clock));
}

void PredictStreamCall::OnDone() {
  {
    MutexLock lock(mutex_);
    // All results were computed, but did not all arrive.
    if (broken_ && end_->ok()) {
      end_ = CancelStatus(deadline_, environment_.clock);
    }
    record_.End(*end_, absl::StrFormat("request_id %s queue %s compute %s",
                                       Quoted(request_id_),
                                       absl::FormatDuration(queue_),
                                       absl::FormatDuration(compute_)));
  }
  delete this;
}

}  // namespace unroll::server
