#include "server/live_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/serve/reason.h"
#include "core/serve/state_token.h"

namespace unroll::server {
namespace {

// Smaller than PredictStream's, since there are many more live sequences.
constexpr int64_t kFullMessage = 4 << 10;  // bytes

absl::Status InvalidStep(const absl::Status& why, int64_t accepted) {
  return WithReason(
      absl::Status(why.code(), absl::StrFormat("after %d steps: %s", accepted,
                                               why.message())),
      Reason::kInvalidStep);
}

}  // namespace

LiveCall::LiveCall(CallEnvironment& environment,
                   grpc::CallbackServerContext& context)
    : StreamCall(environment, kFullMessage), context_(context) {
  StartRead(&reading_);
  opening_timeout_.emplace(environment_.idle_timeout, [this] {
    RefuseUnopened(
        WithReason(absl::AbortedError(absl::StrFormat(
                       "no opening came for %s (--idle-timeout)",
                       absl::FormatDuration(environment_.idle_timeout))),
                   Reason::kExpired));
  });
}

void LiveCall::OnReadDone(bool ok) {
  if (opening_timeout_) {
    if (!opening_timeout_->Stop()) return;
    opening_timeout_.reset();
  }
  if (!ok) return OnLastRead();
  const bool opening = !opened_;
  if (opening) {
    const absl::Status status = Open();
    if (!status.ok()) return Refuse(status, context_);
    opened_ = true;
  }
  const absl::Status status = TakeSteps(opening);
  if (!status.ok()) {
    environment_.scheduler.Close(sequence(), status);
    return;
  }
  reading_.message.clear_open();  // gives its memory back
  StartRead(&reading_);
}

absl::Status LiveCall::Open() {
  const v1::LiveOpening& open = reading_.message.open();
  record_.emplace(environment_, "Live", open.model());
  RETURN_IF_ERROR(reading_.Check());
  if (!reading_.message.has_open()) {
    return absl::InvalidArgumentError("the first message has no opening");
  }
  RETURN_IF_ERROR(Begin(open, context_));
  ASSIGN_OR_RETURN(plan_, PlanLiveResults(open.outputs(), *model_));
  ASSIGN_OR_RETURN(SequenceRequest sequence,
                   ToLiveRequest(open, plan_, model_));
  ASSIGN_OR_RETURN(continuation_, Continuation::Begin(
                                      open, environment_.state_keys, sequence));
  token_bytes_ = StateTokenBytes(*model_);
  window_ = sequence.window;
  RETURN_IF_ERROR(SizeMessages(/*more=*/0));
  ASSIGN_OR_RETURN(ticket_, environment_.admission.Admit(
                                WorkingBytes(sequence) + largest_message_));
  // PayFor keeps to the window, by what the client can have got; what has run
  // counts in the scheduler only once its batch is over.
  sequence.window = 2 * window_;
  v1::LiveOpened opened;
  opened.set_version(model_->info.version);
  opened.set_request_id(request_id_);
  opened.set_window(static_cast<int32_t>(window_));
  if (const auto exact = continuation_.exact()) opened.set_exact(*exact);
  opened.set_steps_done(continuation_.steps_before());
  {
    MutexLock lock(mutex_);
    *OpenMessage().mutable_opened() = std::move(opened);
  }
  RETURN_IF_ERROR(Submit(std::move(sequence)));
  Write();
  return absl::OkStatus();
}

absl::Status LiveCall::TakeSteps(bool opening) {
  if (const absl::Status read = reading_.Check(); !read.ok()) {
    return InvalidStep(read, accepted_);
  }
  const v1::LiveRequest& message = reading_.message;
  if (message.has_open() && !opening) {
    return InvalidStep(
        absl::InvalidArgumentError("a second opening, expected steps"),
        accepted_);
  }
  auto steps = ToSteps(message, *model_, environment_.max_steps);
  if (!steps.ok()) return InvalidStep(steps.status(), accepted_);
  if (steps->count > 0) {
    RETURN_IF_ERROR(PayFor(steps->count));
    {
      MutexLock lock(mutex_);
      if (end_) return absl::OkStatus();  // too late: nothing follows the end
      if (message.has_text())
        OpenMessage().mutable_token_ids()->Add(steps->tokens.begin(),
                                               steps->tokens.end());
    }
    accepted_ += steps->count;
    RETURN_IF_ERROR(environment_.scheduler.Append(sequence(), *steps));
  }
  if (message.state_token_now()) environment_.scheduler.AskForState(sequence());
  return absl::OkStatus();
}

absl::Status LiveCall::PayFor(int64_t steps) {
  int64_t ahead = accepted_ + steps;
  {
    MutexLock lock(mutex_);
    ahead -= steps_written_;
  }
  if (ahead > window_) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "after %d steps: %d more would be %d without results, expected at "
            "most %d (the window); wait for results",
            accepted_, steps, ahead, window_)),
        Reason::kWindowOverrun);
  }
  if (ahead <= paid_steps_) return absl::OkStatus();
  // Each in the message, in the scheduler twice (coming and running), and its
  // results waiting and on their way.
  const int64_t input =
      model_->info.vocabulary_size > 0
          ? int64_t{sizeof(int32_t)}
          : model_->info.spec.input_size * int64_t{sizeof(float)};
  RETURN_IF_ERROR(
      ticket_.Extend((ahead - paid_steps_) * (3 * input + 2 * step_bytes_)));
  paid_steps_ = ahead;
  return absl::OkStatus();
}

void LiveCall::OnLastRead() {
  if (context_.IsCancelled()) {
    // OnCancel ends what is running.
    if (opened_) return;
    return RefuseUnopened(absl::CancelledError("the caller cancelled"));
  }
  if (opened_) {
    environment_.scheduler.Close(sequence(), absl::OkStatus());
    return;
  }
  RefuseUnopened(absl::InvalidArgumentError(
      "closed without a message, expected an opening"));
}

void LiveCall::RefuseUnopened(const absl::Status& status) {
  record_.emplace(environment_, "Live", "");
  Refuse(status, context_);
}

void LiveCall::Write() {
  Action action;
  {
    MutexLock lock(mutex_);
    action = NextAction();
  }
  Perform(action);
}

std::optional<v1::LiveResponse> LiveCall::BeforeFailure(
    const SequenceEnd& end) {
  v1::LiveResponse message;
  v1::LiveEnded& ended = *message.mutable_ended();
  ended.set_last_step(end.steps - 1);
  if (end.state.empty()) return message;
  auto token = continuation_.Token(end.state, end.steps);
  if (!token.ok()) return message;  // the steps are known all the same
  ended.set_state_token(*std::move(token));
  ended.set_steps_done(continuation_.steps_before() + end.steps);
  return message;
}

}  // namespace unroll::server
