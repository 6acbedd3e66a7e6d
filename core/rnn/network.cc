#include "core/rnn/network.h"

#include <cmath>
#include <cstring>

#include "core/base/status_macros.h"
#include "core/rnn/onednn.h"
#include "core/rnn/pool.h"

namespace unroll {
namespace {

// What a primitive and the code that oneDNN generates for it take, measured as
// the growth of the process with --max-batch-rows (oneDNN 2.6.3, AVX-512).
constexpr int64_t kPrimitiveBytes = 96 << 10;

void CopyRow(const float* from, float* to, int64_t count) {
  std::memcpy(to, from, count * sizeof(float));
}

// auto is a fixed rule, so that replicas and restarts agree.
KernelChoice ResolveKernel(const ModelInfo& info,
                           const Network::Options& options) {
  const KernelChoice choice = info.kernel.value_or(options.kernel);
  return choice == KernelChoice::kAuto ? KernelChoice::kSplit : choice;
}

// A primitive for each number of rows: of each layer and direction (of the
// split kernel two), and of the head's matmuls and softmax.
int64_t PrimitiveBytes(const ModelInfo& info, const Network::Options& options) {
  int64_t kinds = info.spec.num_layers * info.spec.directions;
  if (ResolveKernel(info, options) == KernelChoice::kSplit) kinds *= 2;
  if (info.head) kinds += std::ssize(info.head->layers) + 1;
  return kinds * options.max_rows * kPrimitiveBytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Network>> Network::Create(
    const ModelInfo& info, ModelWeights weights, const Options& options) {
  std::unique_ptr<Network> network(new Network());
  absl::Status status;
  RETURN_IF_ERROR(
      onednn::Catch([&] { status = network->Build(info, weights, options); }));
  RETURN_IF_ERROR(status);
  return network;
}

absl::Status Network::Build(const ModelInfo& info, ModelWeights& weights,
                            const Options& options) {
  spec_ = info.spec;
  kernel_ = ResolveKernel(info, options);
  primitive_bytes_ = PrimitiveBytes(info, options);
  for (LayerWeights& layer : weights.layers) {
    const auto make = kernel_ == KernelChoice::kPrimitive ? MakePrimitiveKernel
                                                          : MakeSplitKernel;
    ASSIGN_OR_RETURN(std::unique_ptr<const Kernel> kernel,
                     make(layer, {.nonlinearity = spec_.nonlinearity,
                                  .input_stride = layer.weight_ih.shape[1],
                                  .output_stride = spec_.hidden_width(),
                                  .max_rows = options.max_rows}));
    kernels_.push_back(std::move(kernel));
    layer = LayerWeights();
  }
  embedding_ = std::move(weights.embedding.values);
  one_hot_ = info.one_hot;
  normalization_ = std::move(weights.normalization);
  if (info.head) {
    applied_to_ = info.head->applied_to;
    ASSIGN_OR_RETURN(head_,
                     Head::Create(*info.head, weights.head, options.max_rows));
  }
  return absl::OkStatus();
}

int64_t Network::EstimateBytes(const ModelInfo& info,
                               const ModelWeights& weights,
                               const Options& options) {
  const auto bytes = [](const Tensor& tensor) {
    return static_cast<int64_t>(tensor.values.size() * sizeof(float));
  };
  int64_t total = PrimitiveBytes(info, options) + bytes(weights.embedding);
  for (const LinearWeights& layer : weights.head) {
    total += bytes(layer.weight) + bytes(layer.bias);
  }
  for (const LayerWeights& layer : weights.layers) {
    total +=
        bytes(layer.weight_ih) + bytes(layer.weight_hh) + bytes(layer.bias_ih);
  }
  return total;
}

absl::Status Network::Execute(std::span<const Slice> slices, Run& run) const {
  RETURN_IF_ERROR(Begin(slices, run));
  for (bool done = false; !done;) {
    ASSIGN_OR_RETURN(done, Advance(slices, run.layout.steps(), run));
  }
  return absl::OkStatus();
}

// Once all layers are through.
absl::Status Network::Finish(std::span<const Slice> slices, Run& run) const {
  const Rows hidden = OutputRows(spec_.num_layers - 1, run);
  for (int64_t slot = 0; slot < run.layout.sequences(); ++slot) {
    SliceResult& result = run.results[run.layout.sequence(slot)];
    result.layout_ = &run.layout;
    result.slot_ = slot;
    result.hidden_ = {hidden.data, hidden.stride};
    result.width_ = spec_.hidden_width();
  }
  if (head_ == nullptr) return absl::OkStatus();
  if (Pools(applied_to_)) AddToPools(slices, run);
  return RunHead(slices, run);
}

void Network::AddToPools(std::span<const Slice> slices, Run& run) const {
  for (size_t i = 0; i < slices.size(); ++i) {
    const Slice& slice = slices[i];
    for (int64_t t = 0; t < slice.steps; ++t) {
      AddToPool(applied_to_, run.results[i].hidden(t), slice.state[1],
                *slice.state[2]);
    }
    // More steps than float32 counts one by one.
    run.results[i].overflowed_ |= *slice.state[2] >= 0x1p24f;
    // A sum can leave float32's range where none of its rows does.
    for (int64_t j = 0; j < spec_.hidden_width(); ++j) {
      run.results[i].overflowed_ |= !std::isfinite(slice.state[1][j]);
    }
  }
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

  float* input = head_->Input(rows, run.workspace);
  float* next = input;
  for (size_t i = 0; i < slices.size(); ++i) {
    const Slice& slice = slices[i];
    const SliceResult& result = run.results[i];
    if (each_step) {
      for (int64_t step : slice.score_steps) {
        CopyRow(result.hidden(step).data(), next, width);
        next += width;
      }
    } else if (slice.wants_scores) {
      ReadSummary(slice, result, next);
      next += width;
    }
  }
  ASSIGN_OR_RETURN(const float* scores, head_->Run(rows, input, run.workspace));
  for (size_t i = 0; i < slices.size(); ++i) {
    SliceResult& result = run.results[i];
    result.scores_ = scores;
    result.classes_ = head_->classes();
    scores += head_->classes() * (each_step ? std::ssize(slices[i].score_steps)
                                            : int64_t{slices[i].wants_scores});
  }
  return absl::OkStatus();
}

// What a head that is applied once reads of a sequence, [D*H].
void Network::ReadSummary(const Slice& slice, const SliceResult& result,
                          float* row) const {
  const int64_t width = spec_.hidden_width();
  if (applied_to_ == AppliedTo::kLastStep) {
    CopyRow(result.hidden(slice.steps - 1).data(), row, width);
  } else if (applied_to_ == AppliedTo::kFinalState) {
    // The top layer's final states are the last D of the L*D rows of h.
    CopyRow(slice.state[0] + (spec_.num_layers - 1) * width, row, width);
  } else {
    ReadPool(applied_to_, slice.state[1], *slice.state[2],
             {row, static_cast<size_t>(width)});
  }
}

std::string Network::numerics() const {
  return kernel_ == KernelChoice::kSplit ? "float32-1" : onednn::Numerics();
}

std::map<std::string, int64_t> Network::MemoryBytes() const {
  std::map<std::string, int64_t> parts;
  for (const auto& kernel : kernels_) parts["rnn"] += kernel->memory_bytes();
  if (!embedding_.empty()) {
    parts["embedding"] =
        static_cast<int64_t>(embedding_.size() * sizeof(float));
  }
  if (head_ != nullptr) parts["head"] = head_->memory_bytes();
  parts["primitives"] = primitive_bytes_;
  return parts;
}

}  // namespace unroll
