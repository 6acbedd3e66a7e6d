#ifndef UNROLL_SERVER_INFER_STREAM_CALL_H_
#define UNROLL_SERVER_INFER_STREAM_CALL_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "inference/grpc_service.pb.h"
#include "server/call.h"
#include "server/infer_run.h"

namespace unroll::server {

// One ModelStreamInfer call: requests side by side, those of one sequence one
// after the other; whatever they give goes through one outbox. At a drain it
// ends when nothing is under way. Owns itself until gRPC's OnDone.
class InferStreamCall final
    : public grpc::ServerBidiReactor<Received<inference::ModelInferRequest>,
                                     inference::ModelStreamInferResponse>,
      public DrainNotice::Listener {
 public:
  static InferStreamCall* Make(CallEnvironment& environment,
                               grpc::CallbackServerContext& context);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // From its reading until its last answer has been written, so that what is
  // under way, and its memory, is bounded by the number of requests.
  class Request final : public InferRun::Client {
   public:
    Request(InferStreamCall& call,
            Received<inference::ModelInferRequest>&& read);
    bool OnSteps(inference::ModelInferResponse response) override {
      return call_.OnSteps(*this, std::move(response));
    }
    void OnEnded(const absl::Status& status) override {
      call_.OnEnded(*this, status);
    }

    const Received<inference::ModelInferRequest> received;
    inference::ModelInferResponse response;
    const CallRecord record;
    InferRun run;
    // Guarded by the call's mutex.
    bool begun = false;   // can be cancelled
    bool paused = false;  // waits for the outbox

   private:
    InferStreamCall& call_;
  };
  using RequestPtr =
      std::shared_ptr<Request>;  // with who cancels or resumes it

  struct Answer {
    inference::ModelStreamInferResponse message;
    const Request* last_of = nullptr;  // with it the request is over
  };
  enum class Action { kNone, kWrite, kFinish };
  struct Next {
    Action action = Action::kNone;
    std::vector<RequestPtr> over;  // to go without the lock
  };

  InferStreamCall(CallEnvironment& environment,
                  grpc::CallbackServerContext& context);

  void Start(const RequestPtr& request);
  void OnDrain() override;
  // Of requests, mostly on workers.
  bool OnSteps(Request& request, inference::ModelInferResponse response);
  void OnEnded(Request& request, const absl::Status& status);

  // What gRPC is to be told now: whoever gets another action than kNone has to
  // Perform it, without the lock; until then nobody else gets one.
  Next TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Perform(const Next& next);
  // A request (or null) needs nothing any more.
  void Over(const Request* request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void QueueLast(Request& request, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether to read on now; the read is then under way.
  bool ReadOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CancelAll();

  // Constant after construction.
  CallEnvironment& environment_;
  const absl::Time deadline_;
  const bool errors_end_it_;  // triton_grpc_error

  // Shared with who tells it of a drain; goes with OnDone.
  std::shared_ptr<InferStreamCall> self_;
  // Of the read and the write under way.
  Received<inference::ModelInferRequest> reading_;
  inference::ModelStreamInferResponse writing_;

  Mutex mutex_;
  std::map<const Request*, RequestPtr> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<RequestPtr> over_ ABSL_GUARDED_BY(mutex_);  // for TakeNext
  std::deque<Answer> outbox_ ABSL_GUARDED_BY(mutex_);
  const Request* writing_last_of_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool read_under_way_ ABSL_GUARDED_BY(mutex_) = true;
  bool read_all_ ABSL_GUARDED_BY(mutex_) = false;  // no more will come
  bool write_under_way_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;  // nobody reads any more
  absl::Status end_ ABSL_GUARDED_BY(mutex_);   // why it ends early
  // Why it ends when nothing is under way.
  absl::Status drain_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_STREAM_CALL_H_
