#ifndef UNROLL_SERVER_INFER_RUN_H_
#define UNROLL_SERVER_INFER_RUN_H_

#include <cstdint>
#include <functional>
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
#include "server/sequence_group.h"

namespace unroll::server {

// One ModelInferRequest on its way to its response, by whichever call it came.
class InferRun final : private SequenceGroup::Owner {
 public:
  // Told on a worker when all is done: the response is complete, or why it is
  // not. May destroy the run.
  using Done = std::function<void(const absl::Status&)>;

  // `request` and `response` must outlive it.
  InferRun(CallEnvironment& environment,
           const inference::ModelInferRequest& request,
           inference::ModelInferResponse& response, Done done)
      : environment_(environment),
        request_(request),
        response_(response),
        done_(std::move(done)),
        sequences_(environment, *this) {}

  // Checks everything and submits; nothing runs unless all is well. After an
  // error `done` is not called.
  absl::Status Begin(absl::Time deadline);

  // Once begun, from any thread.
  void Cancel() {
    sequences_.Cancel(CancelStatus(sequences_.deadline(), environment_.clock));
  }

  // For the log, once it has ended.
  std::string Detail() const;

 private:
  absl::Status CheckAndSubmit(absl::Time deadline);
  absl::Status AddSequence(int64_t n);
  // Of sequences of so many steps. RESOURCE_EXHAUSTED: too large a reply.
  absl::StatusOr<int64_t> ReplyBytes(int64_t steps) const;
  // Tells the statistics.
  void Record(const absl::Status& status);

  // SequenceGroup::Owner.
  bool OnSteps(int64_t index, const StepResults& results) override;
  absl::Status OnEnd(int64_t index, const SequenceEnd& end) override;
  void OnAllEnded(const absl::Status& status) override;

  // Constant once submitted.
  CallEnvironment& environment_;
  const inference::ModelInferRequest& request_;
  inference::ModelInferResponse& response_;
  const Done done_;
  const absl::Time begin_ = environment_.clock.Now();
  absl::Time submitted_;
  InferParameters parameters_;
  std::shared_ptr<const ServedModel> model_;  // shared with the sequences
  InferPlan plan_;
  std::optional<InferInputs> inputs_;
  std::optional<InferReply> reply_;
  std::vector<Continuation> continuations_;  // of each sequence
  SequenceGroup sequences_;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_RUN_H_
