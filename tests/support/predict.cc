#include "tests/support/predict.h"

#include <cstring>

namespace unroll::testing {
namespace {

// Appends the rows of a [S, width] message to a result's.
void Append(const v1::Tensor& from, v1::Tensor& to) {
  if (from.shape_size() != 2 || to.shape_size() == 0) {
    to.MergeFrom(from);
    return;
  }
  to.set_shape(0, to.shape(0) + from.shape(0));
  to.mutable_data()->append(from.data());
}

}  // namespace

v1::Tensor ToMessage(const Tensor& tensor) {
  v1::Tensor message;
  message.set_data_type(v1::FLOAT32);
  message.mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
  message.set_data(tensor.values.data(), tensor.values.size() * sizeof(float));
  return message;
}

std::vector<float> Values(const v1::Tensor& message) {
  std::vector<float> values(message.data().size() / sizeof(float));
  std::memcpy(values.data(), message.data().data(), message.data().size());
  return values;
}

Shape ShapeOf(const v1::Tensor& message) {
  return {message.shape().begin(), message.shape().end()};
}

v1::Sequence ToMessage(const golden::Case& c) {
  v1::Sequence sequence;
  if (c.vocabulary_size > 0) {
    const std::vector<int32_t> tokens = golden::Tokens(c);
    sequence.mutable_token_ids()->mutable_ids()->Assign(tokens.begin(),
                                                        tokens.end());
  } else {
    *sequence.mutable_features() = ToMessage(golden::Features(c));
  }
  if (c.has_initial_state) {
    (*sequence.mutable_initial_state()->mutable_tensors())["h"] =
        ToMessage(golden::InitialState(c));
  }
  return sequence;
}

void ExpectGolden(const golden::Case& c, const v1::SequenceResult& result) {
  const golden::Outputs want = golden::Expected(c);
  const auto expect = [&](const v1::Tensor& got, const golden::Array& array,
                          const char* what) {
    EXPECT_EQ(ShapeOf(got), array.shape) << c.name << " " << what;
    golden::ExpectNear(Values(got), array, c.name + " " + what);
  };
  expect(result.hidden(), want.hidden, "hidden");
  ASSERT_TRUE(result.final_state().tensors().contains("h")) << c.name;
  expect(result.final_state().tensors().at("h"), want.h_n, "h_n");
  if (want.scores) expect(result.scores(), *want.scores, "scores");
  EXPECT_EQ(result.has_scores(), want.scores.has_value()) << c.name;
}

std::string WriteRepository(const std::string& directory,
                            const std::vector<golden::Case>& cases) {
  for (const golden::Case& c : cases) {
    golden::WriteModelFolder(c, directory + "/" + c.name);
  }
  return directory;
}

PredictReply Predict(const ServerProcess& server,
                     const v1::PredictRequest& request) {
  PredictReply reply;
  grpc::ClientContext context;
  reply.status =
      server.Inference()->Predict(&context, request, &reply.response);
  return reply;
}

StreamReply PredictStream(const ServerProcess& server,
                          const v1::PredictStreamRequest& request) {
  StreamReply reply;
  grpc::ClientContext context;
  const auto stub = server.Inference();
  const auto reader = stub->PredictStream(&context, request);
  v1::PredictStreamResponse message;
  while (reader->Read(&message)) {
    if (message.has_hidden()) {
      Append(message.hidden(), *reply.result.mutable_hidden());
    }
    if (message.has_scores()) {
      Append(message.scores(), *reply.result.mutable_scores());
    }
    reply.result.mutable_top()->MergeFrom(message.top());
    reply.result.mutable_token_ids()->MergeFrom(message.token_ids());
    if (message.has_final() && message.final().has_final_state()) {
      *reply.result.mutable_final_state() = message.final().final_state();
    }
    reply.messages.push_back(message);
  }
  reply.status = reader->Finish();
  return reply;
}

}  // namespace unroll::testing
