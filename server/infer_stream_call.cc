#include "server/infer_stream_call.h"

#include <utility>
#include <vector>

namespace unroll::server {
namespace {

// Requests under way on one stream; more are not read before some are over.
constexpr size_t kMostRequests = 64;
// With this many answers waiting, requests that are answered step by step
// pause.
constexpr size_t kFullOutbox = 16;

bool ErrorsEndIt(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("triton_grpc_error");
  return found != metadata.end() && found->second == "true";
}

void SetFinal(bool final, inference::ModelInferResponse& response) {
  // Not a literal, for which gcc 12 warns of protobuf's own code.
  static const std::string kName = "triton_final_response";
  (*response.mutable_parameters())[kName].set_bool_param(final);
}

}  // namespace

InferStreamCall::Request::Request(InferStreamCall& call,
                                  Received<inference::ModelInferRequest>&& read)
    : received(std::move(read)),
      record(call.environment_, "ModelStreamInfer",
             received.message.model_name()),
      run(call.environment_, received, response, *this),
      call_(call) {}

InferStreamCall* InferStreamCall::Make(CallEnvironment& environment,
                                       grpc::CallbackServerContext& context) {
  const std::shared_ptr<InferStreamCall> call(
      new InferStreamCall(environment, context));
  call->self_ = call;
  call->StartRead(&call->reading_);
  environment.drain_notice.Add(call);
  return call.get();
}

InferStreamCall::InferStreamCall(CallEnvironment& environment,
                                 grpc::CallbackServerContext& context)
    : environment_(environment),
      deadline_(Deadline(context, environment.clock)),
      errors_end_it_(ErrorsEndIt(context)) {}

void InferStreamCall::OnReadDone(bool ok) {
  if (!ok) {
    Next next;
    {
      MutexLock lock(mutex_);
      read_under_way_ = false;
      read_all_ = true;
      next = TakeNext();
    }
    return Perform(next);
  }
  const auto request = std::make_shared<Request>(*this, std::move(reading_));
  reading_.message.Clear();
  {
    MutexLock lock(mutex_);
    requests_[request.get()] = request;
  }
  Start(request);
  bool read_on;
  {
    MutexLock lock(mutex_);
    read_under_way_ = false;
    read_on = ReadOn();
  }
  if (read_on) StartRead(&reading_);
}

bool InferStreamCall::ReadOn() {
  if (read_under_way_ || read_all_ || !end_.ok() || !drain_.ok() ||
      requests_.size() >= kMostRequests) {
    return false;
  }
  read_under_way_ = true;
  return true;
}

void InferStreamCall::Start(const RequestPtr& request) {
  absl::Status status;
  {
    MutexLock lock(mutex_);
    status = end_;
  }
  if (!status.ok()) return OnEnded(*request, status);
  request->run.Begin({.deadline = deadline_, .streaming = true});
  {
    MutexLock lock(mutex_);
    request->begun = true;
    if (end_.ok()) return;
  }
  request->run.Cancel();  // it came too early
}

bool InferStreamCall::OnSteps(Request& request,
                              inference::ModelInferResponse response) {
  SetFinal(false, response);
  bool accepts_more;
  Next next;
  {
    MutexLock lock(mutex_);
    if (end_.ok()) {
      *outbox_.emplace_back().message.mutable_infer_response() =
          std::move(response);
    }
    accepts_more = outbox_.size() < kFullOutbox;
    request.paused = !accepts_more;
    next = TakeNext();
  }
  Perform(next);
  return accepts_more;
}

void InferStreamCall::OnEnded(Request& request, const absl::Status& status) {
  request.record.End(status, [&] { return request.run.Detail(); });
  bool ends_it;
  {
    MutexLock lock(mutex_);
    ends_it = !status.ok() && errors_end_it_ && end_.ok();
    if (ends_it) end_ = status;
  }
  if (ends_it) CancelAll();
  Next next;
  {
    MutexLock lock(mutex_);
    if (end_.ok()) {
      QueueLast(request, status);
    } else {
      Over(&request);
    }
    next = TakeNext();
  }
  // The request and the call may be gone by now, unless the action is ours.
  Perform(next);
}

void InferStreamCall::QueueLast(Request& request, const absl::Status& status) {
  Answer& answer = outbox_.emplace_back();
  answer.last_of = &request;
  inference::ModelInferResponse& response =
      *answer.message.mutable_infer_response();
  if (status.ok()) {
    response = std::move(request.response);
  } else {
    answer.message.set_error_message(ToSentence(status));
    response.set_id(request.received.message.id());
    response.set_model_name(request.received.message.model_name());
    response.set_model_version(request.received.message.model_version());
  }
  SetFinal(true, response);
}

void InferStreamCall::Over(const Request* request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return;
  over_.push_back(std::move(found->second));
  requests_.erase(found);
}

InferStreamCall::Next InferStreamCall::TakeNext() {
  Next next;
  if (!write_under_way_) {
    if (gone_) {
      for (const Answer& answer : outbox_) Over(answer.last_of);
      outbox_.clear();
    }
    if (!outbox_.empty()) {
      writing_ = std::move(outbox_.front().message);
      writing_last_of_ = outbox_.front().last_of;
      outbox_.pop_front();
      next.action = Action::kWrite;
    } else if (requests_.empty() && (read_all_ || !drain_.ok() || !end_.ok())) {
      next.action = Action::kFinish;
      if (!read_all_) end_.Update(drain_);
    }
    // After a finish for good: nothing may follow it.
    write_under_way_ = next.action != Action::kNone;
  }
  next.over.swap(over_);
  return next;
}

void InferStreamCall::Perform(const Next& next) {
  if (next.action == Action::kWrite) {
    StartWrite(&writing_);
  } else if (next.action == Action::kFinish) {
    absl::Status status;
    {
      MutexLock lock(mutex_);
      status = end_;
    }
    environment_.gate.Enter();  // until its end is on the wire
    Finish(ToGrpc(status));
  }
}

void InferStreamCall::OnWriteDone(bool ok) {
  std::vector<RequestPtr> resume;
  bool read_on;
  Next next;
  {
    MutexLock lock(mutex_);
    write_under_way_ = false;
    Over(writing_last_of_);
    if (ok && outbox_.size() < kFullOutbox) {
      for (const auto& [key, request] : requests_) {
        if (std::exchange(request->paused, false)) resume.push_back(request);
      }
    }
    read_on = ok && ReadOn();
    next = TakeNext();
  }
  Perform(next);
  for (const RequestPtr& request : resume) request->run.Resume();
  if (read_on) StartRead(&reading_);
  if (!ok) OnCancel();
}

void InferStreamCall::OnCancel() {
  Next next;
  {
    MutexLock lock(mutex_);
    gone_ = true;
    if (end_.ok()) end_ = CancelStatus(deadline_, environment_.clock);
    next = TakeNext();
  }
  Perform(next);
  CancelAll();
}

void InferStreamCall::CancelAll() {
  std::vector<RequestPtr> begun;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, request] : requests_) {
      if (request->begun) begun.push_back(request);
    }
  }
  for (const RequestPtr& request : begun) request->run.Cancel();
}

void InferStreamCall::OnDrain() {
  const absl::Status draining = environment_.scheduler.PredictedWait().status();
  Next next;
  {
    MutexLock lock(mutex_);
    drain_ = draining;
    next = TakeNext();
  }
  Perform(next);
}

void InferStreamCall::OnDone() {
  environment_.drain_notice.Remove(this);
  environment_.gate.Leave();
  const auto last = std::move(self_);
}

}  // namespace unroll::server
