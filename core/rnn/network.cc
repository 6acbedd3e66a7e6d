#include "core/rnn/network.h"

#include <cstring>

#include "core/base/status_macros.h"
#include "core/rnn/onednn.h"

namespace unroll {
namespace {

void CopyRow(const float* from, float* to, int64_t count) {
  std::memcpy(to, from, count * sizeof(float));
}

// auto is a fixed rule, so that replicas and restarts agree.
KernelChoice ResolveKernel(KernelChoice choice) {
  return choice == KernelChoice::kAuto ? KernelChoice::kPrimitive : choice;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Network>> Network::Create(
    const Model& model, const Options& options) {
  const Spec& spec = model.info.spec;
  std::unique_ptr<Network> network(new Network());
  network->spec_ = spec;
  network->kernel_ = ResolveKernel(model.info.kernel.value_or(options.kernel));
  for (size_t i = 0; i < model.weights.layers.size(); ++i) {
    const LayerWeights& layer = model.weights.layers[i];
    ASSIGN_OR_RETURN(
        std::unique_ptr<const Kernel> kernel,
        MakePrimitiveKernel(layer, {.nonlinearity = spec.nonlinearity,
                                    .input_stride = layer.weight_ih.shape[1],
                                    .output_stride = spec.hidden_width(),
                                    .max_rows = options.max_rows}));
    network->kernels_.push_back(std::move(kernel));
  }
  network->embedding_ = model.weights.embedding.values;
  if (model.info.head) {
    network->applied_to_ = model.info.head->applied_to;
    ASSIGN_OR_RETURN(network->head_,
                     MakeHead(model.weights.head, model.info.head->activation,
                              options.max_rows));
  }
  return network;
}

absl::Status Network::Execute(std::span<const Slice> slices, Run& run) const {
  absl::Status status;
  RETURN_IF_ERROR(onednn::Catch([&] { status = RunBatch(slices, run); }));
  return status;
}

absl::Status Network::RunBatch(std::span<const Slice> slices, Run& run) const {
  run.lengths.clear();
  for (const Slice& slice : slices) run.lengths.push_back(slice.steps);
  run.layout.Reset(run.lengths);

  const ConstRows input = GatherInput(slices, run);
  ASSIGN_OR_RETURN(const ConstRows hidden, RunLayers(slices, input, run));

  run.results.resize(slices.size());
  for (int64_t slot = 0; slot < run.layout.sequences(); ++slot) {
    SliceResult& result = run.results[run.layout.sequence(slot)];
    result = SliceResult();
    result.layout_ = &run.layout;
    result.slot_ = slot;
    result.hidden_ = hidden;
    result.width_ = spec_.hidden_width();
  }
  return head_ == nullptr ? absl::OkStatus() : RunHead(slices, run);
}

// Packs what the first layer reads: rows of features, or of the embedding.
ConstRows Network::GatherInput(std::span<const Slice> slices, Run& run) const {
  const int64_t width = spec_.input_size;
  float* input =
      run.workspace.Floats(Workspace::kInput, run.layout.rows() * width);
  for (int64_t slot = 0; slot < run.layout.sequences(); ++slot) {
    const Slice& slice = slices[run.layout.sequence(slot)];
    for (int64_t t = 0; t < slice.steps; ++t) {
      const float* from = slice.tokens != nullptr
                              ? embedding_.data() + slice.tokens[t] * width
                              : slice.features + t * width;
      CopyRow(from, input + run.layout.row(slot, t) * width, width);
    }
  }
  return {input, width};
}

absl::StatusOr<ConstRows> Network::RunLayers(std::span<const Slice> slices,
                                             ConstRows input, Run& run) const {
  const PackedLayout& layout = run.layout;
  const int64_t h = spec_.hidden_size;
  float* state =
      run.workspace.Floats(Workspace::kState, layout.sequences() * h);
  for (int64_t layer = 0; layer < spec_.num_layers; ++layer) {
    float* output = run.workspace.Floats(
        layer % 2 == 0 ? Workspace::kOutputEven : Workspace::kOutputOdd,
        layout.rows() * spec_.hidden_width());
    for (int64_t direction = 0; direction < spec_.directions; ++direction) {
      const int64_t index = layer * spec_.directions + direction;
      for (int64_t slot = 0; slot < layout.sequences(); ++slot) {
        CopyRow(slices[layout.sequence(slot)].state[0] + index * h,
                state + slot * h, h);
      }
      RETURN_IF_ERROR(kernels_[index]->Run(
          layout, direction == 0 ? Direction::kForward : Direction::kBackward,
          input, {output + direction * h, spec_.hidden_width()}, state,
          run.workspace));
      for (int64_t slot = 0; slot < layout.sequences(); ++slot) {
        CopyRow(state + slot * h,
                slices[layout.sequence(slot)].state[0] + index * h, h);
      }
    }
    input = {output, spec_.hidden_width()};
  }
  return input;
}

// Gathers the rows that the head is wanted for, of all slices, and runs it
// once.
absl::Status Network::RunHead(std::span<const Slice> slices, Run& run) const {
  const int64_t width = spec_.hidden_width();
  const bool each_step = applied_to_ == AppliedTo::kEachStep;
  int64_t rows = 0;
  for (const Slice& slice : slices) {
    rows += each_step ? slice.score_steps.size() : slice.wants_scores;
  }
  if (rows == 0) return absl::OkStatus();

  float* input = run.workspace.Floats(Workspace::kHeadInput, rows * width);
  float* scores =
      run.workspace.Floats(Workspace::kScores, rows * head_->classes());
  const float* next_scores = scores;
  float* next_input = input;
  const auto add_row = [&](const float* from) {
    CopyRow(from, next_input, width);
    next_input += width;
    next_scores += head_->classes();
  };
  for (size_t i = 0; i < slices.size(); ++i) {
    const Slice& slice = slices[i];
    SliceResult& result = run.results[i];
    result.scores_ = next_scores;
    result.classes_ = head_->classes();
    if (each_step) {
      for (int64_t step : slice.score_steps) {
        add_row(result.hidden(step).data());
      }
    } else if (slice.wants_scores) {
      // The top layer's final states are the last D of the L*D rows of h.
      add_row(applied_to_ == AppliedTo::kLastStep
                  ? result.hidden(slice.steps - 1).data()
                  : slice.state[0] + (spec_.num_layers - 1) * spec_.directions *
                                         spec_.hidden_size);
    }
  }
  return head_->Run(rows, input, scores, run.workspace);
}

std::map<std::string, int64_t> Network::MemoryBytes() const {
  std::map<std::string, int64_t> parts;
  for (const auto& kernel : kernels_) parts["rnn"] += kernel->memory_bytes();
  if (!embedding_.empty()) {
    parts["embedding"] =
        static_cast<int64_t>(embedding_.size() * sizeof(float));
  }
  if (head_ != nullptr) parts["head"] = head_->memory_bytes();
  return parts;
}

}  // namespace unroll
