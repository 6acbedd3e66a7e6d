#include "client/stream_collector.h"

#include <utility>

namespace unroll::client {
namespace {

// Appends the rows of `more` [S, width] to `tensor`.
void Append(v1::Tensor&& more, v1::Tensor& tensor) {
  if (tensor.shape_size() == 0) {
    tensor = std::move(more);
    return;
  }
  tensor.set_shape(0, tensor.shape(0) + more.shape(0));
  tensor.mutable_data()->append(more.data());
}

}  // namespace

void StreamCollector::Add(v1::PredictStreamResponse message) {
  if (message.hidden().shape_size() > 0) {
    Append(std::move(*message.mutable_hidden()), *result_.mutable_hidden());
  }
  if (message.scores().shape_size() > 0) {
    Append(std::move(*message.mutable_scores()), *result_.mutable_scores());
  }
  for (v1::TopK& top : *message.mutable_top()) {
    *result_.add_top() = std::move(top);
  }
  result_.mutable_token_ids()->MergeFrom(message.token_ids());
  if (message.has_final()) {
    end_ = std::move(*message.mutable_final());
    *result_.mutable_final_state() = end_.final_state();
    result_.set_state_token(end_.state_token());
    result_.set_steps_done(end_.steps_done());
    if (end_.has_exact()) result_.set_exact(end_.exact());
  }
}

}  // namespace unroll::client
