#ifndef UNROLL_CLIENT_LIVE_SEQUENCE_H_
#define UNROLL_CLIENT_LIVE_SEQUENCE_H_

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/live_results.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::client {

struct LiveOptions {
  // Servers that have the model and the state keys, HOST:PORT each; tried in
  // turn. At least one.
  std::vector<std::string> addresses;
  // The sequence fails when for so long no server could be made to go on, or
  // the next asks to be left alone (RetryInfo) for longer than is left of it.
  absl::Duration patience = absl::Minutes(1);
};

// A live sequence that outlives its servers. It keeps the last state token (the
// first comes before any result) and the steps since; when a server goes away,
// it goes on from there at the next, and leaves out results that have been
// read. So every result comes once, in
// order, of the same weights, and bit for bit as without an interruption where
// the servers compute alike. Where they do not, exact() turns false, or with
// LiveOpening.require_exact the sequence ends with FAILED_PRECONDITION.
//
//   LiveSequence live({.addresses = {"a:8001", "b:8001"}}, opening);
//   live.Send(steps);                       // one thread
//   while (live.Read(response)) ...         // another, or the same in turn
//
// One thread may Send and HalfClose while another Reads and Finishes. Any may
// Cancel.
class LiveSequence {
 public:
  // Read connects; errors come from Finish. `opening` as for
  // SequenceInference.Live, but for outputs.state_token_every, which must be 0.
  LiveSequence(LiveOptions options, v1::LiveOpening opening);
  ~LiveSequence();  // cancels

  LiveSequence(const LiveSequence&) = delete;
  LiveSequence& operator=(const LiveSequence&) = delete;

  // Steps: a LiveRequest without `open`. Waits while too many are without
  // results or not covered by a state token yet, for which another thread has
  // to Read. At most half the window at a time, a text counting its bytes.
  // INVALID_ARGUMENT: more, or none. CANCELLED: the sequence has ended; Finish
  // says why.
  absl::Status Send(v1::LiveRequest steps);
  // No more steps.
  void HalfClose();

  // Waits for the next results, reconnecting if need be. Steps count from the
  // first sent. False: there are none, Finish says why.
  bool Read(v1::LiveResponse& response);

  // How it ended. REQUIRES: Read has returned false.
  absl::Status Finish();

  void Cancel();

  // Of the reading thread: how often it went on at another server or again, and
  // whether every one that did gives the same bits.
  int64_t resumptions() const { return resumptions_; }
  bool exact() const { return exact_; }

 private:
  struct Connection {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::LiveRequest, v1::LiveResponse>>
        stream;
  };
  struct Kept {
    v1::LiveRequest message;
    int64_t weight = 0;  // at least its steps
  };

  // Opens at the next server and sends again what no token covers.
  void Connect();
  // How the connection ended. REQUIRES: all of it was read.
  grpc::Status Disconnect();
  // After a failure, and a pause. False: it is for good.
  bool MayTryAgain(const grpc::Status& status);
  // What a response means for the connections to come.
  void Take(const v1::LiveResponse& response);
  void TakeToken(const v1::StepToken& token);  // mutex_ is held
  void End(const absl::Status& status);

  // Constant after construction.
  const LiveOptions options_;
  const int64_t window_;  // steps
  std::vector<std::unique_ptr<v1::SequenceInference::Stub>> stubs_;

  // Of the reading thread.
  LiveResults results_;
  std::vector<absl::Time> not_before_;  // each server may be tried again
  int64_t attempts_ = 0;
  int64_t failures_ = 0;      // in a row
  std::string address_;       // of the connection
  bool opened_here_ = false;  // its opening was taken
  bool ever_opened_ = false;
  bool complete_ = false;  // the final message has come
  absl::Time failing_since_;
  int64_t resumptions_ = 0;
  bool exact_ = true;
  std::mt19937 random_{std::random_device{}()};

  // Held for a message's way out, so that messages and connections keep their
  // order. Before mutex_.
  std::mutex write_mutex_;
  std::shared_ptr<Connection> connection_;  // changed under both

  std::mutex mutex_;
  std::condition_variable changed_;
  // All below under mutex_.
  v1::LiveOpening opening_;  // of the next connection
  bool has_token_ = false;   // of this sequence's own
  int64_t token_steps_ = 0;  // that it has seen
  std::deque<Kept> kept_;    // since then
  int64_t kept_first_ = 0;   // the number of the first of them, of all sent
  int64_t kept_weight_ = 0;
  int64_t asked_weight_ = 0;  // of them, up to the last wish for a token
  // Up to which message, of wishes not answered. The first comes with the
  // opening.
  std::deque<int64_t> asked_ = {-1};
  bool closed_ = false;
  bool cancelled_ = false;
  bool ended_ = false;
  absl::Status end_;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LIVE_SEQUENCE_H_
