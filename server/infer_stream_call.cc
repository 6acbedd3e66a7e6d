#include "server/infer_stream_call.h"

#include <utility>
#include <vector>

#include "server/infer_parameters.h"

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

KeptSequences::Id SequenceOf(const inference::ModelInferRequest& message) {
  // Begin tells of what is wrong with it.
  const auto id = ReadSequenceId(message.parameters());
  return {message.model_name(), id.ok() ? *id : ""};
}

void SetFinal(bool final, inference::ModelInferResponse& response) {
  // Not a literal, for which gcc 12 warns of protobuf's own code.
  static const std::string kName = "triton_final_response";
  (*response.mutable_parameters())[kName].set_bool_param(final);
}

}  // namespace

InferStreamCall::Request::Request(InferStreamCall& call,
                                  inference::ModelInferRequest&& read)
    : message(std::move(read)),
      sequence(SequenceOf(message)),
      record(call.environment_, "ModelStreamInfer", message.model_name()),
      run(call.environment_, message, response, *this),
      call_(call) {}

InferStreamCall::InferStreamCall(CallEnvironment& environment,
                                 grpc::CallbackServerContext& context)
    : environment_(environment),
      deadline_(Deadline(context, environment.clock)),
      errors_end_it_(ErrorsEndIt(context)) {
  StartRead(&reading_);
}

void InferStreamCall::OnReadDone(bool ok) {
  if (!ok) {
    environment_.gate.Enter();  // until its end is on the wire
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
  reading_.Clear();
  bool first = true;
  {
    MutexLock lock(mutex_);
    requests_[request.get()] = request;
    if (!request->sequence.id.empty()) {
      auto& queue = sequences_[request->sequence];
      queue.push_back(request.get());
      first = queue.size() == 1;
    }
  }
  if (first) Start(request);
  bool read_on;
  {
    MutexLock lock(mutex_);
    read_under_way_ = false;
    read_on = ReadOn();
  }
  if (read_on) StartRead(&reading_);
}

bool InferStreamCall::ReadOn() {
  if (read_under_way_ || read_all_ || !end_.ok() ||
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
  if (status.ok()) {
    status = request->run.Begin({.deadline = deadline_, .streaming = true});
  }
  if (!status.ok()) return OnEnded(*request, status);
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
  RequestPtr successor;
  bool ends_it = false;
  Next next;
  {
    MutexLock lock(mutex_);
    ++busy_;
    successor = NextOfSequence(request);
    if (!status.ok() && errors_end_it_ && end_.ok()) {
      end_ = status;
      ends_it = true;
    }
    if (end_.ok()) {
      QueueLast(request, status);
    } else {
      Over(&request);
    }
    next = TakeNext();
  }
  // The request may be gone by now; the call lives while somebody is busy.
  Perform(next);
  if (ends_it) CancelAll();
  if (successor != nullptr) Start(successor);
  Next last;
  {
    MutexLock lock(mutex_);
    --busy_;
    last = TakeNext();
  }
  Perform(last);
}

InferStreamCall::RequestPtr InferStreamCall::NextOfSequence(
    const Request& request) {
  const auto found = sequences_.find(request.sequence);
  if (found == sequences_.end()) return nullptr;
  found->second.pop_front();
  if (!found->second.empty()) return requests_.at(found->second.front());
  sequences_.erase(found);
  return nullptr;
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
    response.set_id(request.message.id());
    response.set_model_name(request.message.model_name());
    response.set_model_version(request.message.model_version());
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
    } else if (requests_.empty() && busy_ == 0 && (read_all_ || !end_.ok())) {
      next.action = Action::kFinish;
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

void InferStreamCall::OnDone() {
  bool entered;
  {
    MutexLock lock(mutex_);
    entered = read_all_;
  }
  if (entered) environment_.gate.Leave();
  delete this;
}

}  // namespace unroll::server
