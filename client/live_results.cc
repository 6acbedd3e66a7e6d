#include "client/live_results.h"

#include <algorithm>

namespace unroll::client {
namespace {

// Leaves out the first rows of a [S, width] tensor.
void DropRows(int rows, v1::Tensor& tensor) {
  if (tensor.shape_size() == 0 || tensor.shape(0) < rows) return;
  const size_t bytes = tensor.data().size() / tensor.shape(0) * rows;
  tensor.mutable_data()->erase(0, bytes);
  tensor.set_shape(0, tensor.shape(0) - rows);
}

void DropSteps(int steps, v1::LiveResponse& response) {
  if (steps == response.steps_size()) {
    response.clear_hidden();
    response.clear_scores();
    response.clear_top();
  } else {
    if (response.has_hidden()) DropRows(steps, *response.mutable_hidden());
    if (response.has_scores()) DropRows(steps, *response.mutable_scores());
    response.mutable_top()->DeleteSubrange(
        0, std::min(steps, response.top_size()));
  }
  response.mutable_steps()->erase(response.steps().begin(),
                                  response.steps().begin() + steps);
}

}  // namespace

void LiveResults::Begin(int64_t first_step) {
  first_step_ = next_id_ = first_step;
}

bool LiveResults::Add(v1::LiveResponse& response) {
  if (opened_) response.clear_opened();
  opened_ |= response.has_opened();

  int seen = 0;
  for (int64_t& step : *response.mutable_steps()) {
    step = Absolute(step);
    if (step < steps_) {
      ++seen;
    } else {
      steps_ = step + 1;
    }
  }
  if (seen > 0) DropSteps(seen, response);

  const auto ids = static_cast<int64_t>(response.token_ids_size());
  const int64_t known = std::clamp<int64_t>(ids_ - next_id_, 0, ids);
  response.mutable_token_ids()->erase(response.token_ids().begin(),
                                      response.token_ids().begin() + known);
  next_id_ += ids;
  ids_ = std::max(ids_, next_id_);

  response.clear_state_tokens();
  response.clear_ended();
  return response.steps_size() > 0 || response.token_ids_size() > 0 ||
         response.has_opened() || response.has_final();
}

}  // namespace unroll::client
