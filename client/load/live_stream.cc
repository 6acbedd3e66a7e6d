#include "client/load/live_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace unroll::client {
namespace {

constexpr size_t kWindow = 64;  // steps without results: the server's default

}  // namespace

LiveStream::LiveStream(Target& target, v1::SequenceInference::Stub& stub,
                       int64_t input, absl::Duration end,
                       std::function<void()> done)
    : target_(target), input_(input), done_(std::move(done)) {
  target.SetDeadline(end, context_);
  v1::LiveOpening& open = *request_.mutable_open();
  open.set_model(target.model);
  open.set_version(target.version);
  *open.mutable_outputs() = target.outputs;
  stub.async()->Live(&context_, this);
  AddHold();
  StartRead(&response_);
  StartCall();
}

void LiveStream::Step(absl::Duration due) {
  Action action;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    to_send_.push_back(due);
    action = NextAction();
  }
  Perform(action);
}

void LiveStream::HalfClose() {
  Action action;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    action = NextAction();
  }
  Perform(action);
}

LiveStream::Action LiveStream::NextAction() {
  if (writing_) return Action::kNone;
  if (over_) {
    return std::exchange(held_, false) ? Action::kRelease : Action::kNone;
  }
  if (!to_send_.empty() && sent_due_.size() < kWindow) {
    sent_due_.push_back(to_send_.front());
    to_send_.pop_front();
    writing_ = true;
    return Action::kWrite;
  }
  if (closing_ && to_send_.empty()) {
    closing_ = false;
    writing_ = true;
    return Action::kHalfClose;
  }
  return Action::kNone;
}

void LiveStream::Perform(Action action) {
  switch (action) {
    case Action::kNone:
      break;
    case Action::kWrite:
      target_.inputs.Fill(input_ + sent_++, 1, request_);
      StartWrite(&request_);
      break;
    case Action::kHalfClose:
      StartWritesDone();
      break;
    case Action::kRelease:
      RemoveHold();
      break;
  }
}

void LiveStream::OnReadDone(bool ok) {
  const absl::Duration now = target_.clock.Now();
  std::deque<absl::Duration> due;
  Action action;
  {
    const std::lock_guard lock(mutex_);
    over_ = !ok;
    size_t steps = ok ? response_.steps_size() : 0;
    for (; steps > 0 && !sent_due_.empty(); --steps) {
      due.push_back(sent_due_.front());
      sent_due_.pop_front();
    }
    action = NextAction();
  }
  if (ok) {
    for (const absl::Duration step : due) {
      target_.recorder.OnLatency(target_.recorder.Measures(step), now - step);
    }
    Recorder::Results results = {.steps = std::ssize(due)};
    bool measured = false;
    if (!due.empty()) {
      measured = target_.recorder.Measures(due.back());
      (last_ ? results.gap : results.first) = now - last_.value_or(due.front());
      last_ = now;
    }
    target_.recorder.OnResults(measured, results, now);
    StartRead(&response_);
  }
  Perform(action);
}

void LiveStream::OnWriteDone(bool) {
  request_.clear_open();
  OnWriteEnd();
}

void LiveStream::OnWritesDoneDone(bool) { OnWriteEnd(); }

void LiveStream::OnWriteEnd() {
  Action action;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    action = NextAction();
  }
  Perform(action);
}

void LiveStream::OnDone(const grpc::Status& status) {
  target_.recorder.OnEnd(/*measured=*/true, status, target_.clock.Now());
  const auto done = done_;  // which may be the end of this
  done();
}

}  // namespace unroll::client
