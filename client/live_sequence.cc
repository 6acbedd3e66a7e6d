#include "client/live_sequence.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "client/channel.h"
#include "client/status.h"

namespace unroll::client {
namespace {

constexpr int64_t kDefaultWindow = 64;  // the server's, steps
constexpr absl::Duration kKeepalive = absl::Seconds(10);
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(50);
constexpr absl::Duration kLongestBackoff = absl::Seconds(2);

// At least the number of steps: no token takes less than a byte.
int64_t Weight(const v1::LiveRequest& message) {
  switch (message.input_case()) {
    case v1::LiveRequest::kFeatures:
      return message.features().shape_size() == 0 ? 1
                                                  : message.features().shape(0);
    case v1::LiveRequest::kTokenIds:
      return message.token_ids().ids_size();
    case v1::LiveRequest::kText:
      return static_cast<int64_t>(message.text().size());
    case v1::LiveRequest::INPUT_NOT_SET:
      break;
  }
  return 0;
}

}  // namespace

LiveSequence::LiveSequence(LiveOptions options, v1::LiveOpening opening)
    : options_(std::move(options)),
      window_(opening.window() > 0 ? opening.window() : kDefaultWindow),
      opening_(std::move(opening)) {
  for (const std::string& address : options_.addresses) {
    stubs_.push_back(v1::SequenceInference::NewStub(
        MakeChannel(address, {.keepalive = kKeepalive})));
  }
  not_before_.resize(stubs_.size(), absl::InfinitePast());
  if (stubs_.empty()) {
    End(absl::InvalidArgumentError("addresses: none, expected 1 or more"));
  } else if (opening_.outputs().state_token_every() != 0) {
    End(absl::InvalidArgumentError(
        "outputs.state_token_every: is not for LiveSequence, which asks for "
        "tokens itself"));
  }
}

LiveSequence::~LiveSequence() {
  Cancel();
  if (connection_ != nullptr) {
    v1::LiveResponse response;
    while (connection_->stream->Read(&response)) {
    }
    (void)connection_->stream->Finish();
  }
}

absl::Status LiveSequence::Send(v1::LiveRequest steps) {
  const int64_t weight = Weight(steps);
  const int64_t half = std::max<int64_t>(1, window_ / 2);
  if (weight > half) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%d steps in a message (a text counts its bytes), expected at most %d, "
        "half the window",
        weight, half));
  }
  if (weight == 0) return absl::InvalidArgumentError("a message without steps");
  {
    // Only this thread adds, so that there is still room below.
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return ended_ || cancelled_ || kept_weight_ + weight <= window_;
    });
    if (ended_ || cancelled_) {
      return absl::CancelledError("the sequence has ended");
    }
    if (closed_) {
      return absl::FailedPreconditionError("steps after HalfClose");
    }
  }
  const std::lock_guard write_lock(write_mutex_);
  {
    const std::lock_guard lock(mutex_);
    // So that one is always under way before there is no room.
    if (kept_weight_ + weight - asked_weight_ >= half) {
      steps.set_state_token_now(true);
    }
    kept_weight_ += weight;
    if (steps.state_token_now()) {
      asked_.push_back(kept_first_ + static_cast<int64_t>(kept_.size()));
      asked_weight_ = kept_weight_;
    }
    kept_.push_back({steps, weight});
  }
  // Where it fails, Read finds out, and sends it again.
  if (connection_ != nullptr) connection_->stream->Write(steps);
  return absl::OkStatus();
}

void LiveSequence::HalfClose() {
  const std::lock_guard write_lock(write_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  if (connection_ != nullptr) connection_->stream->WritesDone();
}

bool LiveSequence::Read(v1::LiveResponse& response) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return false;
    }
    if (connection_ == nullptr) Connect();
    if (connection_->stream->Read(&response)) {
      Take(response);
      if (results_.Add(response)) return true;
      continue;
    }
    const grpc::Status status = Disconnect();
    if (!complete_ && !status.ok() && MayTryAgain(status)) continue;
    End(complete_ ? absl::OkStatus()
                  : FromGrpc(status, address_, absl::InfiniteDuration()));
  }
}

absl::Status LiveSequence::Finish() {
  const std::lock_guard lock(mutex_);
  return end_;
}

void LiveSequence::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (connection_ != nullptr) connection_->context.TryCancel();
  changed_.notify_all();
}

void LiveSequence::Connect() {
  const size_t next = attempts_++ % stubs_.size();
  address_ = options_.addresses[next];
  opened_here_ = false;
  const auto connection = std::make_shared<Connection>();

  const std::lock_guard write_lock(write_mutex_);
  connection->stream = stubs_[next]->Live(&connection->context);
  v1::LiveRequest open;
  std::vector<v1::LiveRequest> again;
  bool closed;
  {
    const std::lock_guard lock(mutex_);
    connection_ = connection;
    if (cancelled_) connection->context.TryCancel();
    *open.mutable_open() = opening_;
    open.set_state_token_now(!has_token_);
    for (const Kept& kept : kept_) again.push_back(kept.message);
    closed = closed_;
    results_.Begin(token_steps_);
  }
  bool sent = connection->stream->Write(open);
  for (size_t i = 0; sent && i < again.size(); ++i) {
    sent = connection->stream->Write(again[i]);
  }
  if (sent && closed) connection->stream->WritesDone();
}

grpc::Status LiveSequence::Disconnect() {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard write_lock(write_mutex_);
    const std::lock_guard lock(mutex_);
    connection = std::exchange(connection_, nullptr);
  }
  return connection->stream->Finish();
}

bool LiveSequence::MayTryAgain(const grpc::Status& status) {
  // What one server has no room for, before it began, another may have.
  const bool elsewhere =
      status.error_code() == grpc::UNAVAILABLE ||
      (status.error_code() == grpc::RESOURCE_EXHAUSTED && !opened_here_);
  if (!elsewhere) return false;
  const absl::Time now = absl::Now();
  if (failures_ == 0) failing_since_ = now;
  if (const auto wait = RetryDelayOf(status)) {
    not_before_[(attempts_ - 1) % stubs_.size()] = now + *wait;
  }
  const absl::Duration longest = std::min(
      kLongestBackoff, kFirstBackoff * (1 << std::min<int64_t>(failures_, 10)));
  ++failures_;
  const absl::Duration delay =
      std::max(longest * std::uniform_real_distribution<>(0.5, 1)(random_),
               not_before_[attempts_ % stubs_.size()] - now);
  if (now + delay > failing_since_ + options_.patience) return false;
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, absl::ToChronoMicroseconds(delay),
                            [&] { return cancelled_; });
}

void LiveSequence::Take(const v1::LiveResponse& response) {
  complete_ |= response.has_final();
  const std::lock_guard lock(mutex_);
  if (response.has_opened()) {
    failures_ = 0;
    opened_here_ = true;
    // Of the same weights, whatever is loaded meanwhile.
    opening_.set_version(response.opened().version());
    if (ever_opened_) ++resumptions_;
    ever_opened_ = true;
    if (has_token_) exact_ &= response.opened().exact();
  }
  for (const v1::StepToken& token : response.state_tokens()) {
    TakeToken(token);
  }
  changed_.notify_all();
}

void LiveSequence::TakeToken(const v1::StepToken& token) {
  if (asked_.empty()) return;  // the server's mistake
  const int64_t last = asked_.front();
  asked_.pop_front();
  for (; kept_first_ <= last; ++kept_first_) {
    kept_weight_ -= kept_.front().weight;
    asked_weight_ -= kept_.front().weight;
    kept_.pop_front();
  }
  has_token_ = true;
  token_steps_ = results_.Absolute(token.step()) + 1;
  opening_.clear_initial_state();
  opening_.set_state_token(token.state_token());
}

void LiveSequence::End(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  end_ = status;
  changed_.notify_all();
}

}  // namespace unroll::client
