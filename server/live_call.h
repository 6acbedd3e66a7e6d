#ifndef UNROLL_SERVER_LIVE_CALL_H_
#define UNROLL_SERVER_LIVE_CALL_H_

#include <cstdint>
#include <optional>

#include "server/received.h"
#include "server/stream_call.h"
#include "server/timeout.h"

namespace unroll::server {

// One Live call. gRPC reads one message at a time; each goes to the scheduler
// at once, and its results come as in every stream. Until the opening has come,
// for which it waits as long as for steps, it counts for nothing.
class LiveCall final
    : public StreamCall<
          grpc::ServerBidiReactor<Received<v1::LiveRequest>, v1::LiveResponse>,
          v1::LiveResponse> {
 public:
  LiveCall(CallEnvironment& environment, grpc::CallbackServerContext& context);

  void OnReadDone(bool ok) override;

 private:
  // The first message.
  absl::Status Open();
  // The steps and the wish for a token of any message. `opening`: of the first.
  absl::Status TakeSteps(bool opening);
  // Makes the ticket pay for as many steps ahead of what has been written, or
  // says that they pass the window.
  absl::Status PayFor(int64_t steps);
  // Finishes a call that was not opened.
  void RefuseUnopened(const absl::Status& status);
  // No message will come any more.
  void OnLastRead();
  void Write();

  std::optional<v1::LiveResponse> BeforeFailure(
      const SequenceEnd& end) override;

  grpc::CallbackServerContext& context_;
  int64_t window_ = 0;  // steps

  // Of the reads, which come one at a time.
  std::optional<Timeout> opening_timeout_;  // until the first
  Received<v1::LiveRequest> reading_;
  bool opened_ = false;
  int64_t accepted_ = 0;    // steps
  int64_t paid_steps_ = 0;  // the most that have been ahead
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_LIVE_CALL_H_
