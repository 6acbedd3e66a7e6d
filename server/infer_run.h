#ifndef UNROLL_SERVER_INFER_RUN_H_
#define UNROLL_SERVER_INFER_RUN_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/grpc_service.pb.h"
#include "server/call.h"
#include "server/continuation.h"
#include "server/infer_inputs.h"
#include "server/infer_outputs.h"
#include "server/infer_parameters.h"
#include "server/received.h"
#include "server/sequence_group.h"

namespace unroll::server {

// One ModelInferRequest on its way to its response, by whichever call it came.
class InferRun final : private SequenceGroup::Owner {
 public:
  // Who is told, mostly on workers.
  class Client {
   public:
    virtual ~Client() = default;
    // Some steps' outputs, of a request that wants them so, in order. False: no
    // more until Resume.
    virtual bool OnSteps(inference::ModelInferResponse) { return true; }
    // The last call, on any thread: the response is complete, or why it is not.
    // May destroy the run.
    virtual void OnEnded(const absl::Status& status) = 0;
  };
  struct Options {
    absl::Time deadline = absl::InfiniteFuture();
    bool streaming = false;  // the client takes a request's steps one by one
  };

  // `received`, `response` and `client` must outlive it.
  InferRun(CallEnvironment& environment,
           const Received<inference::ModelInferRequest>& received,
           inference::ModelInferResponse& response, Client& client)
      : environment_(environment),
        received_(received),
        request_(received.message),
        response_(response),
        client_(client),
        sequences_(environment, *this) {}

  // Once it is its turn, checks everything and submits; nothing runs unless all
  // is well. The client may be told of the end before this returns.
  void Begin(const Options& options);

  // Once begun, from any thread.
  void Cancel();
  void Resume() { sequences_.Resume(); }

  // For the log, once it has ended.
  std::string Detail() const { return sequences_.Detail(request_.id()); }

 private:
  // Whether its turn has come; otherwise Start is called when it does.
  absl::StatusOr<bool> Queue();
  // In its turn. Whether it has ended already; the next one's turn is then the
  // caller's business.
  bool Start();
  absl::Status CheckAndSubmit();
  absl::Status FindModel();
  // What a request of a kept sequence may not have.
  absl::Status CheckKept() const;
  absl::Status AddSequence(int64_t n);
  // Pays for the reply and lays it out. RESOURCE_EXHAUSTED: it is too large.
  absl::Status PrepareReply();
  // Of sequences of so many steps. RESOURCE_EXHAUSTED: too large a reply.
  absl::StatusOr<int64_t> ReplyBytes(int64_t steps) const;
  void NameResponse(inference::ModelInferResponse& response) const;
  // The steps as responses of their own. False: the client is full.
  bool GiveSteps(const StepResults& results);
  int64_t RequestBytes() const {
    return static_cast<int64_t>(request_.SpaceUsedLong());
  }
  // Tells everyone. The run may be gone then.
  void End(const absl::Status& status);

  // SequenceGroup::Owner.
  bool OnSteps(int64_t index, const StepResults& results) override;
  absl::Status OnEnd(int64_t index, const SequenceEnd& end) override;
  void OnAllEnded(const absl::Status& status) override;

  // Constant once begun.
  CallEnvironment& environment_;
  const Received<inference::ModelInferRequest>& received_;
  const inference::ModelInferRequest& request_;  // of it
  inference::ModelInferResponse& response_;
  Client& client_;
  Options options_;
  KeptSequences::TurnPtr turn_;  // null: of no kept sequence

  // Constant once submitted.
  const absl::Time begin_ = environment_.clock.Now();
  absl::Time started_ = begin_;  // its turn had come
  absl::Time submitted_ = begin_;
  Admission::Ticket waiting_;  // pays for the request until then
  InferParameters parameters_;
  std::shared_ptr<const ServedModel> model_;  // shared with the sequences
  InferPlan plan_;
  bool stepwise_ = false;
  int64_t steps_per_message_ = 0;  // then
  std::optional<InferInputs> inputs_;
  std::vector<Continuation> continuations_;  // of each sequence
  SequenceGroup sequences_;

  // Start and the sequences; the last of them ends the run, so that it lives as
  // long as Start.
  std::atomic<int> unfinished_ = 2;
  std::atomic<bool> submission_over_ = false;
  std::atomic<bool> cancelled_ = false;

  // Of the workers.
  absl::Status status_;              // of the sequences
  std::optional<InferReply> reply_;  // stepwise: of what comes once
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_RUN_H_
