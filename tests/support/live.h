#ifndef UNROLL_TESTS_SUPPORT_LIVE_H_
#define UNROLL_TESTS_SUPPORT_LIVE_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/server_process.h"
#include "unroll/v1/sequence_inference.grpc.pb.h"

namespace unroll::testing {

// What a Live call has come to so far.
struct LiveReply {
  grpc::Status status;
  std::vector<int64_t> steps;
  std::string hidden, scores;  // the rows' bytes
  std::vector<v1::TopK> top;
  std::vector<int64_t> token_ids;
  std::vector<v1::StepToken> tokens;
  std::optional<v1::LiveOpened> opened;
  std::optional<v1::StreamEnd> final;
  std::optional<v1::LiveEnded> ended;
};

// A Live call of a test. One thread writes, one reads.
class LiveStream {
 public:
  explicit LiveStream(const std::shared_ptr<grpc::Channel>& channel);
  explicit LiveStream(const ServerProcess& server)
      : LiveStream(server.channel()) {}

  bool Write(const v1::LiveRequest& request) {
    return WriteBytes(request.SerializeAsString());
  }
  // Of a message, right or wrong.
  bool WriteBytes(const std::string& bytes);
  bool Open(const v1::LiveOpening& opening);
  bool Text(const std::string& text, bool state_token_now = false);
  bool HalfClose() { return stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // Adds the next message to `reply`.
  bool Read(LiveReply& reply);
  // Reads until there are results of so many steps.
  void ReadSteps(size_t steps, LiveReply& reply);
  // Reads all that comes.
  LiveReply Finish(LiveReply reply = {});

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, v1::LiveResponse>>
      stream_;
};

// The input of a Sequence as a message of a live one.
v1::LiveRequest ToLive(const v1::Sequence& piece);

// "unroll/SLOW_READER", from a status' ErrorInfo; "none" without one.
std::string ReasonOf(const grpc::Status& status);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_LIVE_H_
