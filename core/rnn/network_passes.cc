// A batch on its way through the layers, a piece of time at a time.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "core/base/status_macros.h"
#include "core/rnn/network.h"
#include "core/rnn/onednn.h"

namespace unroll {
namespace {

void NormalizeRow(const Normalization& normalization, float* row) {
  const std::vector<float>& mean = normalization.mean.values;
  const std::vector<float>& std = normalization.std.values;
  for (size_t i = 0; i < mean.size(); ++i) row[i] = (row[i] - mean[i]) / std[i];
}

// Moves the rows of the slots that stay, of all times, to their new places.
void MoveRows(const PackedLayout& from, const PackedLayout& to,
              std::span<const int64_t> old_slots, Rows rows) {
  // A row never moves up, so that none is overwritten before it has moved.
  for (int64_t t = 0; t < to.steps(); ++t) {
    for (int64_t slot = 0; slot < to.batch_size(t); ++slot) {
      std::memmove(rows.data + to.row(slot, t) * rows.stride,
                   rows.data + from.row(old_slots[slot], t) * rows.stride,
                   rows.stride * sizeof(float));
    }
  }
}

}  // namespace

absl::Status Network::Begin(std::span<const Slice> slices, Run& run) const {
  return onednn::Catch([&] {
    run.lengths.clear();
    for (const Slice& slice : slices) run.lengths.push_back(slice.steps);
    run.layout.Reset(run.lengths);
    run.results.assign(slices.size(), SliceResult());
    run.pass = 0;
    run.steps_done = 0;
  });
}

absl::StatusOr<bool> Network::Advance(std::span<const Slice> slices,
                                      int64_t steps, Run& run) const {
  const bool last = run.pass == passes();
  absl::Status status;
  RETURN_IF_ERROR(onednn::Catch([&] {
    if (last) {
      Finish(slices, run);
    } else {
      status = RunPiece(slices, steps, run);
    }
  }));
  RETURN_IF_ERROR(status);
  return last;
}

absl::Status Network::RunPiece(std::span<const Slice> slices, int64_t steps,
                               Run& run) const {
  const PackedLayout& layout = run.layout;
  const int64_t h = spec_.hidden_size;
  const int64_t layer = run.pass / spec_.directions;
  const int64_t direction = run.pass % spec_.directions;
  const bool forward = direction == 0 && !spec_.reverse;
  const int64_t left = layout.steps() - run.steps_done;
  if (left == 0) {  // Keep took the rest of the pass away
    EndPass(slices, run);
    return absl::OkStatus();
  }
  steps = std::min(steps, left);
  const int64_t begin = forward ? run.steps_done : left - steps;

  run.lengths.clear();
  for (int64_t slot = 0; slot < layout.batch_size(begin); ++slot) {
    const int64_t length = slices[layout.sequence(slot)].steps;
    run.lengths.push_back(std::min(length - begin, steps));
  }
  run.piece.Reset(run.lengths);  // longest first already: it keeps the slots
  const bool reads_tokens = layer == 0 && token_table_;
  if (reads_tokens) {
    GatherTokens(slices, begin, begin + steps, run);
  } else if (run.pass == 0) {
    GatherInput(slices, begin, begin + steps, run);
  }

  float* state =
      run.workspace.Floats(Workspace::kState, layout.sequences() * h);
  if (run.steps_done == 0) {
    for (int64_t slot = 0; slot < layout.sequences(); ++slot) {
      CopyRow(slices[layout.sequence(slot)].state[0] + run.pass * h,
              state + slot * h, h);
    }
  }
  const int64_t first_row = layout.row(0, begin);
  LayerInput input;
  if (reads_tokens) {
    input.tokens = InputTokens(run) + first_row;
  } else {
    input.rows = InputRows(layer, run).From(first_row);
  }
  Rows output = OutputRows(layer, run).From(first_row);
  output.data += direction * h;
  Cores::Lease cores(run.cores);
  RETURN_IF_ERROR(kernels_[run.pass]->Run(
      run.piece, forward ? Direction::kForward : Direction::kBackward, input,
      output, state, run.workspace, cores));
  // tanh has no way out of its range.
  if (spec_.nonlinearity == Nonlinearity::kRelu) {
    FindOverflows(output, run);
  }

  run.steps_done += steps;
  if (run.steps_done == layout.steps()) EndPass(slices, run);
  return absl::OkStatus();
}

void Network::EndPass(std::span<const Slice> slices, Run& run) const {
  const int64_t h = spec_.hidden_size;
  const float* state =
      run.workspace.Floats(Workspace::kState, run.layout.sequences() * h);
  for (int64_t slot = 0; slot < run.layout.sequences(); ++slot) {
    CopyRow(state + slot * h,
            slices[run.layout.sequence(slot)].state[0] + run.pass * h, h);
  }
  ++run.pass;
  run.steps_done = 0;
}

// Packs what the first layer reads at some time steps: rows of features or of
// the embedding, or unit vectors.
void Network::GatherInput(std::span<const Slice> slices, int64_t begin,
                          int64_t end, Run& run) const {
  const int64_t width = spec_.input_size;
  const Rows input = InputRows(0, run);
  for (int64_t slot = 0; slot < run.layout.batch_size(begin); ++slot) {
    const Slice& slice = slices[run.layout.sequence(slot)];
    for (int64_t t = begin; t < std::min(end, slice.steps); ++t) {
      float* row = input.From(run.layout.row(slot, t)).data;
      if (slice.tokens == nullptr) {
        CopyRow(slice.features + t * width, row, width);
        if (!normalization_.empty()) NormalizeRow(normalization_, row);
      } else if (one_hot_) {
        std::fill_n(row, width, 0.0f);
        row[slice.tokens[t]] = 1.0f;
      } else {
        CopyRow(embedding_.data() + slice.tokens[t] * width, row, width);
      }
    }
  }
}

void Network::GatherTokens(std::span<const Slice> slices, int64_t begin,
                           int64_t end, Run& run) const {
  int32_t* tokens = InputTokens(run);
  for (int64_t slot = 0; slot < run.layout.batch_size(begin); ++slot) {
    const Slice& slice = slices[run.layout.sequence(slot)];
    for (int64_t t = begin; t < std::min(end, slice.steps); ++t) {
      tokens[run.layout.row(slot, t)] = slice.tokens[t];
    }
  }
}

// What the first layer's kernels read with a token table, [rows].
int32_t* Network::InputTokens(Run& run) const {
  return reinterpret_cast<int32_t*>(run.workspace.Bytes(
      Workspace::kTokens, run.layout.rows() * int64_t{sizeof(int32_t)}));
}

Rows Network::InputRows(int64_t layer, Run& run) const {
  if (layer > 0) return OutputRows(layer - 1, run);
  const int64_t width = spec_.input_size;
  return {run.workspace.Floats(Workspace::kInput, run.layout.rows() * width),
          width};
}

Rows Network::OutputRows(int64_t layer, Run& run) const {
  const int64_t width = spec_.hidden_width();
  return {run.workspace.Floats(
              layer % 2 == 0 ? Workspace::kOutputEven : Workspace::kOutputOdd,
              run.layout.rows() * width),
          width};
}

// In the H columns that a piece wrote.
void Network::FindOverflows(ConstRows rows, Run& run) const {
  for (int64_t t = 0; t < run.piece.steps(); ++t) {
    for (int64_t slot = 0; slot < run.piece.batch_size(t); ++slot) {
      const float* row = rows.data + run.piece.row(slot, t) * rows.stride;
      // Without a branch, so that the compiler can use vectors.
      bool finite = true;
      for (int64_t i = 0; i < spec_.hidden_size; ++i) {
        finite &= std::abs(row[i]) <= std::numeric_limits<float>::max();
      }
      if (!finite) run.results[run.layout.sequence(slot)].overflowed_ = true;
    }
  }
}

void Network::Keep(const std::vector<bool>& keep, Run& run) const {
  const PackedLayout old = run.layout;
  std::vector<int64_t> old_slots;  // of the new ones
  for (int64_t slot = 0; slot < old.sequences(); ++slot) {
    if (keep[old.sequence(slot)]) old_slots.push_back(slot);
  }
  const int64_t layer = run.pass / spec_.directions;
  std::optional<Rows> input, output;
  if (layer > 0 || !token_table_) input = InputRows(layer, run);
  if (run.steps_done > 0 || run.pass % spec_.directions > 0) {
    output = OutputRows(layer, run);
  }

  std::vector<int64_t> lengths(old.sequences());
  for (int64_t t = 0; t < old.steps(); ++t) {
    for (int64_t slot = 0; slot < old.batch_size(t); ++slot) {
      ++lengths[old.sequence(slot)];
    }
  }
  run.lengths.clear();
  std::vector<SliceResult> results;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    run.lengths.push_back(lengths[i]);
    results.push_back(run.results[i]);
  }
  run.results = std::move(results);
  run.layout.Reset(run.lengths);

  if (input) MoveRows(old, run.layout, old_slots, *input);
  if (output) MoveRows(old, run.layout, old_slots, *output);
  if (run.steps_done == 0) return;
  // The steps done are the first ones, or, backward, the last ones.
  const int64_t steps = run.layout.steps();
  run.steps_done = run.pass % spec_.directions == 0 && !spec_.reverse
                       ? std::min(run.steps_done, steps)
                       : steps - std::min(old.steps() - run.steps_done, steps);
  const int64_t h = spec_.hidden_size;
  float* state =
      run.workspace.Floats(Workspace::kState, run.layout.sequences() * h);
  for (int64_t slot = 0; slot < run.layout.sequences(); ++slot) {
    std::memmove(state + slot * h, state + old_slots[slot] * h,
                 h * sizeof(float));
  }
}

}  // namespace unroll
