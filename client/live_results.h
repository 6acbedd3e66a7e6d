#ifndef UNROLL_CLIENT_LIVE_RESULTS_H_
#define UNROLL_CLIENT_LIVE_RESULTS_H_

#include <cstdint>

#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Makes the responses of several Live calls, each of which went on from a step
// of the one before, those of one: leaves out what has been seen and counts
// steps from the first call's first.
class LiveResults {
 public:
  // The responses from here on are of a call whose first step is `first_step`.
  void Begin(int64_t first_step);

  // False: nothing is left of it.
  bool Add(v1::LiveResponse& response);

  // The number of a call's step.
  int64_t Absolute(int64_t step) const { return first_step_ + step; }
  int64_t steps() const { return steps_; }  // that have been seen

 private:
  int64_t first_step_ = 0;
  int64_t steps_ = 0;
  int64_t ids_ = 0;      // of token_ids, that have been seen
  int64_t next_id_ = 0;  // of the call, by the same count
  bool opened_ = false;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LIVE_RESULTS_H_
