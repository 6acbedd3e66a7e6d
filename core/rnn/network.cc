#include "core/rnn/network.h"

#include <array>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/status_macros.h"
#include "core/rnn/cpu.h"
#include "core/rnn/onednn.h"
#include "core/rnn/packed_matmul.h"
#include "core/rnn/pool.h"

namespace unroll {
namespace {

// What a primitive and the code that oneDNN generates for it take, measured as
// the growth of the process with --max-batch-rows (oneDNN 2.6.3, AVX-512).
constexpr int64_t kPrimitiveBytes = 96 << 10;

// auto is a fixed rule, so that replicas and restarts agree. The split kernel
// won every case of tests/bench (README, "Numbers"); without fused
// multiply-adds it has no vectors to speak of, and oneDNN has.
KernelChoice ResolveKernel(const ModelInfo& info,
                           const Network::Options& options) {
  const KernelChoice choice = info.kernel.value_or(options.kernel);
  if (choice != KernelChoice::kAuto) return choice;
  return simd::Fused(CpuOps().isa) || info.precision != Precision::kFloat32
             ? KernelChoice::kSplit
             : KernelChoice::kPrimitive;
}

// A primitive for each number of rows, layer and direction.
int64_t PrimitiveBytes(const ModelInfo& info, const Network::Options& options) {
  if (ResolveKernel(info, options) == KernelChoice::kSplit) return 0;
  return info.spec.num_layers * info.spec.directions * options.max_rows *
         kPrimitiveBytes;
}

// The tables of the first layer's directions, or 0: the layer reads rows.
int64_t TokenTableBytes(const ModelInfo& info,
                        const Network::Options& options) {
  if (info.vocabulary_size == 0 ||
      ResolveKernel(info, options) == KernelChoice::kPrimitive) {
    return 0;
  }
  const auto bytes = CheckedElements(std::array<int64_t, 3>{
      info.vocabulary_size, info.spec.hidden_width(), sizeof(float)});
  return bytes && *bytes <= options.token_table_limit ? *bytes : 0;
}

int64_t PackedBytes(const Tensor& weight, Precision precision) {
  return PackedMatmul::Bytes(weight.shape[0], weight.shape[1], precision);
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
  precision_ = info.precision;
  if (kernel_ == KernelChoice::kPrimitive &&
      precision_ != Precision::kFloat32) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "\"precision\": \"%s\" needs the split kernel, but \"primitive\" is "
        "asked for",
        Name(precision_)));
  }
  primitive_bytes_ = PrimitiveBytes(info, options);
  token_table_ = TokenTableBytes(info, options) > 0;
  RETURN_IF_ERROR(BuildLayers(info, weights, options));
  if (!token_table_) embedding_ = std::move(weights.embedding.values);
  one_hot_ = info.one_hot;
  normalization_ = std::move(weights.normalization);
  if (info.head) {
    applied_to_ = info.head->applied_to;
    head_ = std::make_unique<const Head>(*info.head, weights.head, precision_);
  }
  return absl::OkStatus();
}

absl::Status Network::BuildLayers(const ModelInfo& info, ModelWeights& weights,
                                  const Options& options) {
  for (LayerWeights& layer : weights.layers) {
    absl::StatusOr<std::unique_ptr<const Kernel>> kernel;
    if (kernel_ == KernelChoice::kPrimitive) {
      kernel = MakePrimitiveKernel(layer, spec_.nonlinearity,
                                   {.input_stride = layer.weight_ih.shape[1],
                                    .output_stride = spec_.hidden_width(),
                                    .max_rows = options.max_rows});
    } else {
      KernelOptions kernel_options = {.nonlinearity = spec_.nonlinearity,
                                      .precision = precision_};
      if (token_table_ && std::ssize(kernels_) < spec_.directions) {
        kernel_options.tokens = {
            .vocabulary_size = info.vocabulary_size,
            .embedding = info.one_hot ? nullptr : &weights.embedding};
      }
      kernel = MakeSplitKernel(layer, kernel_options);
    }
    RETURN_IF_ERROR(kernel.status());
    kernels_.push_back(*std::move(kernel));
    layer = LayerWeights();
  }
  return absl::OkStatus();
}

int64_t Network::EstimateBytes(const ModelInfo& info,
                               const ModelWeights& weights,
                               const Options& options) {
  const int64_t table = TokenTableBytes(info, options);
  int64_t total = PrimitiveBytes(info, options) + table;
  if (table == 0) {
    total += std::ssize(weights.embedding.values) * int64_t{sizeof(float)};
  }
  for (const LinearWeights& layer : weights.head) {
    total += PackedBytes(layer.weight, info.precision);
  }
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    const LayerWeights& layer = weights.layers[i];
    total += PackedBytes(layer.weight_hh, info.precision);
    if (table == 0 || static_cast<int64_t>(i) >= info.spec.directions) {
      total += PackedBytes(layer.weight_ih, info.precision);
    }
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
void Network::Finish(std::span<const Slice> slices, Run& run) const {
  const Rows hidden = OutputRows(spec_.num_layers - 1, run);
  for (int64_t slot = 0; slot < run.layout.sequences(); ++slot) {
    SliceResult& result = run.results[run.layout.sequence(slot)];
    result.layout_ = &run.layout;
    result.slot_ = slot;
    result.hidden_ = hidden;
    result.width_ = spec_.hidden_width();
  }
  if (head_ == nullptr) return;
  if (Pools(applied_to_)) AddToPools(slices, run);
  RunHead(slices, run);
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
void Network::RunHead(std::span<const Slice> slices, Run& run) const {
  const int64_t width = spec_.hidden_width();
  const bool each_step = applied_to_ == AppliedTo::kEachStep;
  int64_t rows = 0;
  for (const Slice& slice : slices) {
    rows += each_step ? slice.score_steps.size() : slice.wants_scores;
  }
  if (rows == 0) return;

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
  const float* scores = head_->Run(rows, input, run.workspace);
  for (size_t i = 0; i < slices.size(); ++i) {
    SliceResult& result = run.results[i];
    result.scores_ = scores;
    result.classes_ = head_->classes();
    scores += head_->classes() * (each_step ? std::ssize(slices[i].score_steps)
                                            : int64_t{slices[i].wants_scores});
  }
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
  if (kernel_ == KernelChoice::kPrimitive) return onednn::Numerics();
  // To be counted up when the order or the rounding of any operation changes.
  std::string id =
      precision_ == Precision::kFloat32 ? "float32-1" : "bfloat16-2";
  if (!simd::Fused(CpuOps().isa)) id += "-unfused";
  return id;
}

std::map<std::string, int64_t> Network::MemoryBytes() const {
  std::map<std::string, int64_t> parts;
  for (const auto& kernel : kernels_) {
    parts["rnn"] += kernel->memory_bytes() - kernel->table_bytes();
    if (token_table_) parts["token_table"] += kernel->table_bytes();
  }
  if (!embedding_.empty()) {
    parts["embedding"] =
        static_cast<int64_t>(embedding_.size() * sizeof(float));
  }
  if (head_ != nullptr) parts["head"] = head_->memory_bytes();
  if (primitive_bytes_ > 0) parts["primitives"] = primitive_bytes_;
  return parts;
}

}  // namespace unroll
