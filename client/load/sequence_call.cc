#include "client/load/sequence_call.h"

#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace unroll::client {
namespace {

// What the three kinds have in common. Deletes itself at its end.
class SequenceCall {
 public:
  SequenceCall(Target& target, const DueWork& work,
               std::function<void(bool ok)> done)
      : target_(target),
        work_(work.work),
        due_(work.due),
        measured_(target.recorder.Measures(work.due)),
        done_(std::move(done)) {
    const absl::Duration now = target.clock.Now();
    target.SetDeadline(now + work.timeout, context_);
    target.recorder.OnSent(measured_, now - due_);
  }
  virtual ~SequenceCall() = default;

 protected:
  // A message with results of so many steps is here.
  void OnResults(int64_t steps) {
    const absl::Duration now = target_.clock.Now();
    Recorder::Results results = {.steps = steps};
    if (steps > 0) {
      if (last_) {
        results.gap = now - *last_;
      } else {
        results.first = now - due_;
      }
      last_ = now;
    }
    got_ += steps;
    target_.recorder.OnResults(measured_, results, now);
  }

  void OnEnd(grpc::Status status) {
    const absl::Duration now = target_.clock.Now();
    if (status.ok() && got_ != work_.steps) {
      status = {
          grpc::StatusCode::INTERNAL,
          absl::StrCat("results of ", got_, " steps, expected ", work_.steps)};
    }
    if (status.ok()) target_.recorder.OnLatency(measured_, now - due_);
    target_.recorder.OnEnd(measured_, status, now);
    const auto done = std::move(done_);
    delete this;
    done(status.ok());
  }

  // Of PredictRequest, PredictStreamRequest and LiveOpening.
  template <typename Request>
  void Describe(Request& request) const {
    request.set_model(target_.model);
    request.set_version(target_.version);
    *request.mutable_outputs() = target_.outputs;
  }

  Target& target_;
  const Work work_;
  grpc::ClientContext context_;

 private:
  const absl::Duration due_;
  const bool measured_;
  std::function<void(bool ok)> done_;
  std::optional<absl::Duration> last_;
  int64_t got_ = 0;  // steps
};

class PredictCall : public SequenceCall {
 public:
  using SequenceCall::SequenceCall;

  void Start(v1::SequenceInference::Stub& stub) {
    Describe(request_);
    target_.inputs.Fill(work_.input, work_.steps, *request_.add_sequences());
    stub.async()->Predict(&context_, &request_, &response_,
                          [this](grpc::Status status) {
                            if (status.ok() && response_.results_size() == 1) {
                              OnResults(work_.steps);
                            }
                            OnEnd(std::move(status));
                          });
  }

 private:
  v1::PredictRequest request_;
  v1::PredictResponse response_;
};

class StreamCall : public SequenceCall,
                   public grpc::ClientReadReactor<v1::PredictStreamResponse> {
 public:
  using SequenceCall::SequenceCall;

  void Start(v1::SequenceInference::Stub& stub) {
    Describe(request_);
    target_.inputs.Fill(work_.input, work_.steps, *request_.mutable_sequence());
    stub.async()->PredictStream(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    OnResults(response_.steps_size());
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { OnEnd(status); }

 private:
  v1::PredictStreamRequest request_;
  v1::PredictStreamResponse response_;
};

class LiveCall
    : public SequenceCall,
      public grpc::ClientBidiReactor<v1::LiveRequest, v1::LiveResponse> {
 public:
  using SequenceCall::SequenceCall;

  void Start(v1::SequenceInference::Stub& stub) {
    stub.async()->Live(&context_, this);
    Describe(*request_.mutable_open());
    StartRead(&response_);
    SendNext();
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    OnResults(response_.steps_size());
    const bool got_one = response_.steps_size() > 0;
    StartRead(&response_);
    if (got_one) OnReady();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return;
    request_.clear_open();
    OnReady();
  }
  void OnDone(const grpc::Status& status) override { OnEnd(status); }

 private:
  // The next step waits for two things in any order: the last one's result, and
  // that its message can be used again.
  void OnReady() {
    if (awaited_.fetch_sub(1) == 1) SendNext();
  }

  void SendNext() {
    awaited_ = 2;
    if (sent_ == work_.steps) {
      StartWritesDone();
      return;
    }
    target_.inputs.Fill(work_.input + sent_, 1, request_);
    ++sent_;
    StartWrite(&request_);
  }

  v1::LiveRequest request_;
  v1::LiveResponse response_;
  std::atomic<int> awaited_ = 0;
  int64_t sent_ = 0;  // steps
};

}  // namespace

void StartSequence(CallKind kind, Target& target,
                   v1::SequenceInference::Stub& stub, const DueWork& work,
                   std::function<void(bool ok)> done) {
  switch (kind) {
    case CallKind::kPredict:
      return (new PredictCall(target, work, std::move(done)))->Start(stub);
    case CallKind::kStream:
      return (new StreamCall(target, work, std::move(done)))->Start(stub);
    case CallKind::kLive:
      return (new LiveCall(target, work, std::move(done)))->Start(stub);
  }
}

}  // namespace unroll::client
