#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/status_macros.h"
#include "core/rnn/cpu.h"
#include "core/rnn/kernel.h"
#include "core/rnn/onednn.h"
#include "core/rnn/packed_matmul.h"
#include "core/rnn/token_table.h"

namespace unroll {
namespace {

// So much of input and output is projected at once that the steps behind it
// still find it in the cache of the core, but so many rows that reading the
// weights does not count.
constexpr int64_t kProjectedBytes = 512 << 10;
constexpr int64_t kProjectedRows = 256;

class SplitKernel final : public Kernel {
 public:
  // Throws std::bad_alloc.
  SplitKernel(const LayerWeights& weights, const KernelOptions& options)
      : hidden_size_(weights.weight_hh.shape[0]),
        recurrence_(weights.weight_hh, {}, options.precision,
                    options.nonlinearity == Nonlinearity::kTanh
                        ? simd::Function::kTanh
                        : simd::Function::kRelu) {
    if (options.tokens) {
      table_.emplace(*options.tokens, weights.weight_ih, SumOfBiases(weights),
                     options.precision);
    } else {
      projection_.emplace(weights.weight_ih, SumOfBiases(weights),
                          options.precision, simd::Function::kIdentity);
    }
  }

  absl::Status Run(const PackedLayout& layout, Direction direction,
                   LayerInput input, Rows output, float* state,
                   Workspace& workspace, Cores::Lease& cores) const override {
    const int64_t last = layout.steps() - 1;
    const int64_t most_rows = std::max<int64_t>(
        kProjectedRows,
        kProjectedBytes / ((InputSize() + hidden_size_) *
                           static_cast<int64_t>(sizeof(float))));
    Done done;
    for (int64_t i = 0; i <= last;) {
      // Time goes down in the backward direction, rows go up all the same.
      int64_t end = i, first_row = 0, rows = 0;
      for (; end <= last; ++end) {
        const int64_t t = direction == Direction::kForward ? end : last - end;
        if (rows > 0 && rows + layout.batch_size(t) > most_rows) break;
        if (end == i || direction == Direction::kBackward) {
          first_row = layout.row(0, t);
        }
        rows += layout.batch_size(t);
      }
      Project(first_row, rows, input, output, workspace, cores);
      for (; i < end; ++i) {
        const int64_t t = direction == Direction::kForward ? i : last - i;
        Step(layout.batch_size(t), output.From(layout.row(0, t)), state, done,
             workspace, cores);
      }
    }
    Keep(done, 0, state);
    return absl::OkStatus();
  }

  int64_t memory_bytes() const override {
    return recurrence_.memory_bytes() +
           (projection_ ? projection_->memory_bytes() : 0) + table_bytes();
  }
  int64_t table_bytes() const override {
    return table_ ? table_->memory_bytes() : 0;
  }

 private:
  // The rows of the time step before.
  struct Done {
    Rows output = {};
    int64_t rows = 0;
  };

  int64_t InputSize() const { return projection_ ? projection_->inputs() : 0; }

  // W_ih x + b_ih + b_hh of some rows.
  void Project(int64_t first, int64_t rows, LayerInput input, Rows output,
               Workspace& workspace, Cores::Lease& cores) const {
    if (table_) {
      table_->Read(rows, input.tokens + first, output.From(first));
    } else {
      projection_->Run(rows, input.rows.From(first), output.From(first),
                       workspace, &cores);
    }
  }

  // One time step, onto its projection in `output`.
  void Step(int64_t rows, Rows output, float* state, Done& done,
            Workspace& workspace, Cores::Lease& cores) const {
    if (done.rows >= rows) {
      // Those that have ended leave their state; the others go on from where
      // it lies.
      Keep(done, rows, state);
      recurrence_.RunOnto(rows, done.output, output, workspace, &cores);
    } else {
      Keep(done, 0, state);
      recurrence_.RunOnto(rows, {state, hidden_size_}, output, workspace,
                          &cores);
    }
    done = {output, rows};
  }

  // Copies the rows from `first` on to the state.
  void Keep(const Done& done, int64_t first, float* state) const {
    for (int64_t row = first; row < done.rows; ++row) {
      CopyRow(done.output.From(row).data, state + row * hidden_size_,
              hidden_size_);
    }
  }

  const int64_t hidden_size_;               // H
  std::optional<PackedMatmul> projection_;  // or else
  std::optional<TokenTable> table_;
  const PackedMatmul recurrence_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const Kernel>> MakeSplitKernel(
    const LayerWeights& weights, const KernelOptions& options) {
  if (options.precision == Precision::kBfloat16 && !CpuHasBfloat16()) {
    return absl::InvalidArgumentError(
        "\"precision\": \"bfloat16\" needs a CPU with AVX512_BF16, and this "
        "one has none; with \"float32\" any will do");
  }
  std::unique_ptr<const Kernel> kernel;
  RETURN_IF_ERROR(onednn::Catch(
      [&] { kernel = std::make_unique<SplitKernel>(weights, options); }));
  return kernel;
}

}  // namespace unroll
