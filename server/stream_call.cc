#include "server/stream_call.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/state_token.h"
#include "server/received.h"

namespace unroll::server {

template <typename Reactor, typename Response>
StreamCall<Reactor, Response>::StreamCall(CallEnvironment& environment,
                                          int64_t full_message)
    : environment_(environment),
      full_message_(std::min(full_message, environment.max_message_bytes / 4)) {
}

template <typename Reactor, typename Response>
absl::Status StreamCall<Reactor, Response>::Begin(
    const std::string& model, int64_t version, const std::string& request_id,
    int32_t priority, const grpc::CallbackServerContext& context) {
  ASSIGN_OR_RETURN(request_id_, RequestId(request_id));
  ASSIGN_OR_RETURN(model_, environment_.models.Find(model, version));
  ASSIGN_OR_RETURN(priority_, Priority(priority));
  deadline_ = Deadline(context, environment_.clock);
  return CheckWait(environment_, deadline_);
}

template <typename Reactor, typename Response>
absl::Status StreamCall<Reactor, Response>::SizeMessages(int64_t more) {
  step_bytes_ = StepBytes(*model_, plan_);
  SequenceRequest last_step;
  last_step.model = model_;
  last_step.steps = 1;
  largest_message_ = full_message_ + step_bytes_ + token_bytes_ +
                     ResultBytes(last_step, plan_) + more;
  if (largest_message_ > environment_.max_message_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("a message would be %d bytes, expected at most %d "
                        "(--max-message-bytes); ask for fewer results",
                        largest_message_, environment_.max_message_bytes));
  }
  return absl::OkStatus();
}

template <typename Reactor, typename Response>
absl::Status StreamCall<Reactor, Response>::Submit(SequenceRequest request) {
  request.priority = priority_;
  request.deadline = deadline_;
  request.state_every = plan_.state_token_every;
  request.sink = this;
  const auto sequence = std::make_shared<Sequence>(std::move(request));
  {
    MutexLock lock(mutex_);
    sequence_ = sequence;
  }
  RETURN_IF_ERROR(environment_.scheduler.Submit({&sequence, 1}));
  bool cancelled;
  {
    MutexLock lock(mutex_);
    cancelled = cancelled_;
  }
  if (cancelled) OnCancel();  // once more: it may have come too early
  return absl::OkStatus();
}

template <typename Reactor, typename Response>
void StreamCall<Reactor, Response>::Refuse(
    const absl::Status& status, grpc::CallbackServerContext& context) {
  SetPushback(status, context);
  {
    MutexLock lock(mutex_);
    end_ = status;
  }
  this->Finish(ToGrpc(status));
}

template <typename Reactor, typename Response>
Response& StreamCall<Reactor, Response>::OpenMessage() {
  if (outbox_.empty() || last_message_bytes_ >= full_message_) {
    outbox_.emplace_back();
    last_message_bytes_ = 0;
  }
  return outbox_.back();
}

template <typename Reactor, typename Response>
std::shared_ptr<Sequence> StreamCall<Reactor, Response>::sequence() const {
  MutexLock lock(mutex_);
  return sequence_;
}

template <typename Reactor, typename Response>
std::optional<std::string> StreamCall<Reactor, Response>::MakeToken(
    const StateAt& state) {
  auto token = continuation_.Token(state.tensors, state.steps);
  if (token.ok()) return *std::move(token);
  environment_.scheduler.Cancel(sequence(), token.status());
  return std::nullopt;
}

template <typename Reactor, typename Response>
bool StreamCall<Reactor, Response>::OnSteps(const StepResults& results) {
  std::optional<std::string> token;
  if (results.state()) token = MakeToken(*results.state());
  bool accepts_more;
  Action action;
  {
    MutexLock lock(mutex_);
    for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
      Response& message = OpenMessage();
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
    // The last results go out with what OnDone adds to them.
    action = results.last() ? Action::kNone : NextAction();
  }
  Perform(action);
  return accepts_more;
}

template <typename Reactor, typename Response>
void StreamCall<Reactor, Response>::OnDone(const SequenceEnd& end) {
  absl::StatusOr<v1::StreamEnd> last = MakeEnd(end);
  std::optional<Response> before_failure;
  if (!last.ok()) before_failure = BeforeFailure(end);
  Action action;
  {
    MutexLock lock(mutex_);
    if (last.ok()) {
      Response& message = OpenMessage();
      message.MergeFrom(final_scores_);
      *message.mutable_final() = *std::move(last);
    } else if (before_failure) {
      outbox_.push_back(*std::move(before_failure));
    }
    end_ = last.status();
    queue_ = end.queue;
    compute_ = end.compute;
    action = NextAction();
  }
  // From here on the call may be gone, unless the action is this thread's.
  Perform(action);
}

template <typename Reactor, typename Response>
absl::StatusOr<v1::StreamEnd> StreamCall<Reactor, Response>::MakeEnd(
    const SequenceEnd& end) const {
  RETURN_IF_ERROR(end.status);
  v1::StreamEnd last;
  if (plan_.final_state) {
    SetState(end.state, model_->info, *last.mutable_final_state());
  }
  last.set_version(model_->info.version);
  last.set_request_id(request_id_);
  SetTiming(end.queue, end.compute, *last.mutable_timing());
  RETURN_IF_ERROR(continuation_.SetEnd(end, plan_.state_token, last));
  return last;
}

template <typename Reactor, typename Response>
typename StreamCall<Reactor, Response>::Action
StreamCall<Reactor, Response>::NextAction() {
  if (write_under_way_) return Action::kNone;
  if (broken_) outbox_.clear();
  if (outbox_.empty() && !end_) return Action::kNone;
  write_under_way_ = true;  // for good after a finish: nothing may follow it
  if (outbox_.empty()) return Action::kFinish;
  writing_ = std::move(outbox_.front());
  outbox_.pop_front();
  steps_written_ += writing_.steps_size();
  return end_ && end_->ok() && outbox_.empty() ? Action::kWriteAndFinish
                                               : Action::kWrite;
}

template <typename Reactor, typename Response>
void StreamCall<Reactor, Response>::Perform(Action action) {
  switch (action) {
    case Action::kNone:
      break;
    case Action::kWrite:
      this->StartWrite(&writing_);
      break;
    case Action::kWriteAndFinish:
      this->StartWriteAndFinish(&writing_, grpc::WriteOptions(),
                                grpc::Status::OK);
      break;
    case Action::kFinish: {
      absl::Status status;
      {
        MutexLock lock(mutex_);
        status = *end_;
      }
      this->Finish(ToGrpc(status));
      break;
    }
  }
}

template <typename Reactor, typename Response>
void StreamCall<Reactor, Response>::OnWriteDone(bool ok) {
  std::shared_ptr<Sequence> resume;
  Action action;
  {
    MutexLock lock(mutex_);
    write_under_way_ = false;
    broken_ |= !ok;
    if (paused_ && outbox_.size() < kFullOutbox) {
      paused_ = false;
      resume = sequence_;
    }
    action = NextAction();
  }
  Perform(action);
  if (!ok) OnCancel();
  if (resume != nullptr && ok) environment_.scheduler.Resume(resume);
}

template <typename Reactor, typename Response>
void StreamCall<Reactor, Response>::OnCancel() {
  std::shared_ptr<Sequence> sequence;
  {
    MutexLock lock(mutex_);
    cancelled_ = true;
    sequence = sequence_;
  }
  if (sequence == nullptr) return;
  environment_.scheduler.Cancel(sequence,
                                CancelStatus(deadline_, environment_.clock));
}

template <typename Reactor, typename Response>
void StreamCall<Reactor, Response>::OnDone() {
  absl::Status status;
  absl::Duration queue, compute;
  {
    MutexLock lock(mutex_);
    status = *end_;
    queue = queue_;
    compute = compute_;
    // All results were computed, but did not all arrive.
    if (broken_ && status.ok()) {
      status = CancelStatus(deadline_, environment_.clock);
    }
  }
  // Without the lock, since it may write to the log.
  record_->End(status, [&] {
    return absl::StrFormat("request_id %s queue %s compute %s",
                           Quoted(request_id_), absl::FormatDuration(queue),
                           absl::FormatDuration(compute));
  });
  delete this;
}

template class StreamCall<grpc::ServerWriteReactor<v1::PredictStreamResponse>,
                          v1::PredictStreamResponse>;
template class StreamCall<
    grpc::ServerBidiReactor<Received<v1::LiveRequest>, v1::LiveResponse>,
    v1::LiveResponse>;

}  // namespace unroll::server
