#ifndef UNROLL_CLIENT_LOAD_LIVE_STREAM_H_
#define UNROLL_CLIENT_LOAD_LIVE_STREAM_H_

#include <grpcpp/support/client_callback.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "absl/time/time.h"
#include "client/load/target.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::client {

// A live sequence whose steps are due at times of their own, however its
// results come: each is a message, sent when it is due or as soon as the stream
// takes it.
class LiveStream
    : public grpc::ClientBidiReactor<v1::LiveRequest, v1::LiveResponse> {
 public:
  // Opens with the first step. `end`: when the call ends at the latest, since
  // the run's begin. `done` is called when it has ended, from a thread of
  // gRPC's.
  LiveStream(Target& target, v1::SequenceInference::Stub& stub, int64_t input,
             absl::Duration end, std::function<void()> done);

  // Both do nothing once the call has failed. One thread at a time.
  void Step(absl::Duration due);
  void HalfClose();  // once all steps are sent

 private:
  enum class Action { kNone, kWrite, kHalfClose, kRelease };
  // What to do now, for Perform once mutex_ is free. REQUIRES: mutex_ is held.
  Action NextAction();
  void Perform(Action action);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnWritesDoneDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  void OnWriteEnd();

  // Constant after construction.
  Target& target_;
  const int64_t input_;
  const std::function<void()> done_;

  grpc::ClientContext context_;

  // Of whoever writes: one at a time, by writing_.
  v1::LiveRequest request_;
  int64_t sent_ = 0;

  // Of the reader.
  v1::LiveResponse response_;
  std::optional<absl::Duration> last_;  // results

  std::mutex mutex_;                     // guards what follows
  std::deque<absl::Duration> to_send_;   // when due
  std::deque<absl::Duration> sent_due_;  // of steps without results
  bool writing_ = false;
  bool closing_ = false;
  bool over_ = false;  // nothing more comes
  bool held_ = true;   // so that gRPC takes writes from outside its threads
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_LIVE_STREAM_H_
