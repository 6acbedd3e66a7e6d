#include "tests/support/live.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace unroll::testing {

LiveStream::LiveStream(const std::shared_ptr<grpc::Channel>& channel)
    : stream_(grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer,
                                                        v1::LiveResponse>::
                  Create(channel.get(),
                         grpc::internal::RpcMethod(
                             "/unroll.v1.SequenceInference/Live",
                             grpc::internal::RpcMethod::BIDI_STREAMING),
                         &context_)) {}

bool LiveStream::WriteBytes(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return stream_->Write(grpc::ByteBuffer(&slice, 1));
}

bool LiveStream::Open(const v1::LiveOpening& opening) {
  v1::LiveRequest request;
  *request.mutable_open() = opening;
  return Write(request);
}

bool LiveStream::Text(const std::string& text, bool state_token_now) {
  v1::LiveRequest request;
  request.set_text(text);
  request.set_state_token_now(state_token_now);
  return Write(request);
}

bool LiveStream::Read(LiveReply& reply) {
  v1::LiveResponse message;
  if (!stream_->Read(&message)) return false;
  EXPECT_FALSE(reply.final || reply.ended) << "a message after the last";
  EXPECT_EQ(message.has_opened(), !reply.opened.has_value());
  const auto append = [](const auto& from, auto& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(message.steps(), reply.steps);
  append(message.top(), reply.top);
  append(message.token_ids(), reply.token_ids);
  append(message.state_tokens(), reply.tokens);
  reply.hidden += message.hidden().data();
  reply.scores += message.scores().data();
  if (message.has_opened()) reply.opened = message.opened();
  if (message.has_final()) reply.final = message.final();
  if (message.has_ended()) reply.ended = message.ended();
  return true;
}

void LiveStream::ReadSteps(size_t steps, LiveReply& reply) {
  while (reply.steps.size() < steps) ASSERT_TRUE(Read(reply));
}

LiveReply LiveStream::Finish(LiveReply reply) {
  while (Read(reply)) {
  }
  reply.status = stream_->Finish();
  for (size_t i = 0; i < reply.steps.size(); ++i) {
    EXPECT_EQ(reply.steps[i], static_cast<int64_t>(i));
  }
  return reply;
}

v1::LiveRequest ToLive(const v1::Sequence& piece) {
  v1::LiveRequest request;
  if (piece.has_features()) *request.mutable_features() = piece.features();
  if (piece.has_token_ids()) *request.mutable_token_ids() = piece.token_ids();
  if (piece.has_text()) request.set_text(piece.text());
  return request;
}

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details())) return "unreadable";
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) return info.domain() + "/" + info.reason();
  }
  return "none";
}

}  // namespace unroll::testing
