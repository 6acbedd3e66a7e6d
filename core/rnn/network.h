#ifndef UNROLL_CORE_RNN_NETWORK_H_
#define UNROLL_CORE_RNN_NETWORK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/rnn/cores.h"
#include "core/rnn/head.h"
#include "core/rnn/kernel.h"
#include "core/rnn/packed_layout.h"
#include "core/rnn/workspace.h"

namespace unroll {

// Some consecutive steps of one sequence, as part of a batch. All memory is
// borrowed for the call.
struct Slice {
  int64_t steps = 0;                // at least 1
  const float* features = nullptr;  // [steps, I], or else
  const int32_t* tokens = nullptr;  // [steps], each < V
  // The state tensors in StateSpec's order. Before the slice going in, after it
  // coming out.
  std::span<float* const> state;
  // The steps (relative to the slice, increasing) whose scores are wanted, for
  // a head on each step. A head that is applied once runs if `wants_scores`.
  std::span<const int64_t> score_steps;
  bool wants_scores = false;
};

// What one slice came to. Points into the Workspace: valid until its next use.
class SliceResult {
 public:
  // h_t of the top layer at a step of the slice, [D*H].
  std::span<const float> hidden(int64_t step) const {
    return {hidden_.data + layout_->row(slot_, step) * hidden_.stride, width_};
  }
  // Row i of the wanted scores, [C]: of score_steps[i], or of the head applied
  // once (i = 0).
  std::span<const float> scores(int64_t i) const {
    return {scores_ + i * classes_, classes_};
  }
  // Whether a hidden value of some layer left float32's range (relu networks
  // can grow without bound). The results of the slice are then worthless.
  bool overflowed() const { return overflowed_; }

 private:
  friend class Network;
  const PackedLayout* layout_ = nullptr;
  ConstRows hidden_ = {};
  int64_t slot_ = 0;
  size_t width_ = 0;
  const float* scores_ = nullptr;
  size_t classes_ = 0;
  bool overflowed_ = false;
};

// The stack of layers with embedding and head, ready to run: weights packed,
// primitives made. Immutable; any number of threads may Run at once, each with
// a Workspace and results of its own.
class Network {
 public:
  struct Options {
    int64_t max_rows = 64;                      // the most slices in a batch
    KernelChoice kernel = KernelChoice::kAuto;  // a model's own setting wins
    // The most that the tables of a token model's first layer may take, bytes.
    int64_t token_table_limit = 256 << 20;
  };

  // Packs the weights and lets each go once that is done, so that little more
  // than one copy is there at a time. INVALID_ARGUMENT: the primitive kernel
  // with a precision it has not; INTERNAL: oneDNN failed;
  // RESOURCE_EXHAUSTED: out of memory.
  static absl::StatusOr<std::unique_ptr<const Network>> Create(
      const ModelInfo& info, ModelWeights weights, const Options& options);

  // About what Create will hold, in bytes, to be known before it is.
  static int64_t EstimateBytes(const ModelInfo& info,
                               const ModelWeights& weights,
                               const Options& options);

  // The working memory of a Run, kept between runs to spare allocations.
  struct Run {
    Workspace workspace;
    Cores* cores = nullptr;  // of which a batch takes one, or two; null: one
    PackedLayout layout;
    std::vector<int64_t> lengths;
    std::vector<SliceResult> results;  // one a slice, in order
    // How far it is. A pass is one layer in one direction.
    int64_t pass = 0;        // layer * D + direction
    int64_t steps_done = 0;  // time steps of that pass
    PackedLayout piece;      // of the time steps that run next
  };

  // Runs a batch of 1 to max_rows slices. For D = 2 a slice must be its whole
  // sequence. INTERNAL: oneDNN failed; RESOURCE_EXHAUSTED: no memory for the
  // workspace. Results and states are then undefined.
  absl::Status Execute(std::span<const Slice> slices, Run& run) const;

  // The same in pieces: Begin, then Advance with the same slices and run until
  // it says true. An Advance runs at most `steps` time steps (at least 1) of
  // one pass, or else the head. The bits are Execute's.
  absl::Status Begin(std::span<const Slice> slices, Run& run) const;
  absl::StatusOr<bool> Advance(std::span<const Slice> slices, int64_t steps,
                               Run& run) const;
  // Between two pieces: takes the slices out for which `keep` is false. Those
  // that stay, at least one, keep their order and their bits.
  void Keep(const std::vector<bool>& keep, Run& run) const;
  int64_t passes() const { return spec_.num_layers * spec_.directions; }

  const Spec& spec() const { return spec_; }
  // What the model holds, by part: "rnn", "token_table", "embedding", "head",
  // "primitives".
  std::map<std::string, int64_t> MemoryBytes() const;
  // The kernel that runs the layers; never kAuto.
  KernelChoice kernel() const { return kernel_; }
  // Whether a sequence's bits are its own: independent of what else is in a
  // batch and of how the sequence is cut.
  bool exact() const { return kernel_ == KernelChoice::kSplit; }
  // What two servers must have in common to give the same bits for the same
  // weights, such as "float32-1".
  std::string numerics() const;

 private:
  Network() = default;

  absl::Status Build(const ModelInfo& info, ModelWeights& weights,
                     const Options& options);
  absl::Status BuildLayers(const ModelInfo& info, ModelWeights& weights,
                           const Options& options);
  // In network_passes.cc.
  absl::Status RunPiece(std::span<const Slice> slices, int64_t steps,
                        Run& run) const;
  void EndPass(std::span<const Slice> slices, Run& run) const;
  void GatherInput(std::span<const Slice> slices, int64_t begin, int64_t end,
                   Run& run) const;
  void GatherTokens(std::span<const Slice> slices, int64_t begin, int64_t end,
                    Run& run) const;
  // What a layer reads and writes, [rows, I or D*H] of the whole batch.
  int32_t* InputTokens(Run& run) const;
  Rows InputRows(int64_t layer, Run& run) const;
  Rows OutputRows(int64_t layer, Run& run) const;
  void FindOverflows(ConstRows rows, Run& run) const;

  absl::Status Finish(std::span<const Slice> slices, Run& run) const;
  void RunHead(std::span<const Slice> slices, Run& run) const;

  void ReadSummary(const Slice& slice, const SliceResult& result,
                   float* row) const;
  void AddToPools(std::span<const Slice> slices, Run& run) const;

  Spec spec_;
  KernelChoice kernel_ = KernelChoice::kSplit;
  Precision precision_ = Precision::kFloat32;
  std::vector<std::unique_ptr<const Kernel>> kernels_;  // [L*D]
  bool token_table_ = false;      // the first layer's kernels read tokens
  std::vector<float> embedding_;  // [V, I], without a token table
  bool one_hot_ = false;
  Normalization normalization_;
  std::unique_ptr<const Head> head_;  // null without one
  AppliedTo applied_to_ = AppliedTo::kEachStep;
  int64_t primitive_bytes_ = 0;
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_NETWORK_H_
