#include "server/sequence_group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll::server {

absl::Status SequenceGroup::Admit(absl::Time deadline, absl::Duration most_wait,
                                  int priority, int64_t bytes) {
  deadline_ = deadline;
  start_by_ = environment_.clock.Now() + most_wait;
  priority_ = priority;
  RETURN_IF_ERROR(CheckWait(environment_, std::min(deadline_, start_by_)));
  ASSIGN_OR_RETURN(ticket_, environment_.admission.Admit(bytes));
  return absl::OkStatus();
}

void SequenceGroup::Add(SequenceRequest request) {
  parts_.push_back(std::make_unique<Part>(*this, size()));
  request.sink = parts_.back().get();
  request.deadline = deadline_;
  request.start_by = start_by_;
  request.priority = priority_;
  sequences_.push_back(std::make_shared<Sequence>(std::move(request)));
}

absl::Status SequenceGroup::Submit() {
  unfinished_ = size();
  return environment_.scheduler.Submit(sequences_);
}

void SequenceGroup::Cancel(const absl::Status& status) {
  for (const auto& sequence : sequences_) {
    environment_.scheduler.Cancel(sequence, status);
  }
}

void SequenceGroup::Resume() {
  for (const auto& sequence : sequences_) {
    environment_.scheduler.Resume(sequence);
  }
}

absl::Duration SequenceGroup::queue() const {
  absl::Duration longest;
  for (const auto& part : parts_) longest = std::max(longest, part->queue);
  return longest;
}

absl::Duration SequenceGroup::compute() const {
  absl::Duration longest;
  for (const auto& part : parts_) longest = std::max(longest, part->compute);
  return longest;
}

std::string SequenceGroup::Detail(const std::string& request_id) const {
  return absl::StrFormat(
      "request_id %s sequences %d queue %s compute %s", Quoted(request_id),
      size(), absl::FormatDuration(queue()), absl::FormatDuration(compute()));
}

void SequenceGroup::Part::OnDone(const SequenceEnd& end) {
  queue = end.queue;
  compute = end.compute;
  status = group_.owner_.OnEnd(index_, end);
  // The last one sees what all others wrote.
  if (group_.unfinished_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  absl::Status whole;
  for (const auto& part : group_.parts_) whole.Update(part->status);
  group_.owner_.OnAllEnded(whole);
}

}  // namespace unroll::server
