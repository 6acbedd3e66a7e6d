#ifndef UNROLL_SERVER_SEQUENCE_GROUP_H_
#define UNROLL_SERVER_SEQUENCE_GROUP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/serve/sequence.h"
#include "server/call.h"

namespace unroll::server {

// The sequences of one request, which is answered when all have ended: paid
// for, submitted all or none, and told to their owner.
class SequenceGroup {
 public:
  // Calls come from workers; of one sequence, one at a time.
  class Owner {
   public:
    virtual ~Owner() = default;
    // As SequenceSink has it, of the index-th sequence.
    virtual bool OnSteps(int64_t index, const StepResults& results) = 0;
    // Its end. What comes back is its status from then on.
    virtual absl::Status OnEnd(int64_t index, const SequenceEnd& end) = 0;
    // The last call, when all have ended; sees what the others wrote. The first
    // sequence's error that has one, or OK. May destroy the group.
    virtual void OnAllEnded(const absl::Status& status) = 0;
  };

  SequenceGroup(CallEnvironment& environment, Owner& owner)
      : environment_(environment), owner_(owner) {}

  // Admission, before anything else: the codes of CheckWait, which the caller
  // wants to be no longer than `most_wait`, and of memory for `bytes`.
  absl::Status Admit(absl::Time deadline, absl::Duration most_wait,
                     int priority, int64_t bytes);
  // Memory for so much more. RESOURCE_EXHAUSTED.
  absl::Status Pay(int64_t bytes) { return ticket_.Extend(bytes); }
  // REQUIRES: the request has no sink, deadline and priority yet.
  void Add(SequenceRequest request);
  // The codes of Scheduler::Submit; then the owner is not called.
  absl::Status Submit();

  // Once submitted, from any thread.
  void Cancel(const absl::Status& status);
  // Lets sequences go on whose owner returned false from OnSteps.
  void Resume();

  absl::Time deadline() const { return deadline_; }
  int64_t size() const { return std::ssize(sequences_); }
  // Once all have ended: the longest of all sequences.
  absl::Duration queue() const;
  absl::Duration compute() const;
  // And for the log.
  std::string Detail(const std::string& request_id) const;

 private:
  class Part final : public SequenceSink {
   public:
    Part(SequenceGroup& group, int64_t index) : group_(group), index_(index) {}
    bool OnSteps(const StepResults& results) override {
      return group_.owner_.OnSteps(index_, results);
    }
    void OnDone(const SequenceEnd& end) override;

    // Of the ended sequence.
    absl::Status status;
    absl::Duration queue, compute;

   private:
    SequenceGroup& group_;
    const int64_t index_;
  };

  // Constant once submitted.
  CallEnvironment& environment_;
  Owner& owner_;
  absl::Time deadline_;
  absl::Time start_by_;
  int priority_ = 0;
  Admission::Ticket ticket_;
  std::vector<std::shared_ptr<Sequence>> sequences_;
  std::vector<std::unique_ptr<Part>> parts_;  // each in one worker at a time

  std::atomic<int64_t> unfinished_ = 0;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_SEQUENCE_GROUP_H_
