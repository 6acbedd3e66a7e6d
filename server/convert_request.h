#ifndef UNROLL_SERVER_CONVERT_REQUEST_H_
#define UNROLL_SERVER_CONVERT_REQUEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/serve/sequence.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::server {

// What a caller wants of each sequence: Outputs, checked against the model.
struct ResultPlan {
  bool hidden = false;
  bool final_state = false;
  bool scores = false;
  bool state_token = false;         // at the end
  int64_t state_token_every = 0;    // steps; 0: none on the way
  int64_t top_k = 0;                // 0: none
  std::vector<int64_t> candidates;  // classes; empty: all
  StepSelection selection;          // its indices are increasing, from 0
  bool blanks = false;              // instead: the steps of the blank token
  bool scores_each_step = false;    // a row for each step; else one at the end

  // Whether the head has to run.
  bool needs_head() const { return scores || top_k > 0; }
};

// INVALID_ARGUMENT: "outputs...: ..." says what does not suit the model.
absl::StatusOr<ResultPlan> PlanResults(const v1::Outputs& outputs,
                                       const ServedModel& model);

// The same for a live sequence.
absl::StatusOr<ResultPlan> PlanLiveResults(const v1::Outputs& outputs,
                                           const ServedModel& model);

// A sequence ready to submit but for its deadline and sink. Features are not
// copied: `sequence` must outlive the run.
// INVALID_ARGUMENT: what is wrong, without the sequence's own name in front.
absl::StatusOr<SequenceRequest> ToSequenceRequest(
    const v1::Sequence& sequence, const ResultPlan& plan,
    std::shared_ptr<const ServedModel> model, int64_t max_steps);

// A live sequence ready to submit but for its deadline, priority and sink.
// INVALID_ARGUMENT: what is wrong.
absl::StatusOr<SequenceRequest> ToLiveRequest(
    const v1::LiveOpening& opening, const ResultPlan& plan,
    std::shared_ptr<const ServedModel> model);

// The steps that a message brings: none if it has no input. INVALID_ARGUMENT:
// what is wrong.
absl::StatusOr<Steps> ToSteps(const v1::LiveRequest& message,
                              const ServedModel& model, int64_t max_steps);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_CONVERT_REQUEST_H_
