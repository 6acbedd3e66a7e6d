#include "core/serve/example_check.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/load/model_files.h"

namespace unroll {
namespace {

float Tolerance(const ModelInfo& info) {
  return info.precision == Precision::kFloat32 ? 1e-4f : 5e-2f;
}

// A tensor that is expected, and what is compared with it.
class Expectation {
 public:
  Expectation(std::string_view name, const std::optional<Tensor>& want,
              float tolerance)
      : name_(name), want_(want ? &*want : nullptr), tolerance_(tolerance) {
    if (want_ == nullptr) return;
    for (const float value : want_->values) {
      largest_ = std::max(largest_, std::abs(value));
    }
  }

  // Compares `got` with the elements from `first` on.
  absl::Status Compare(int64_t first, std::span<const float> got) const {
    if (want_ == nullptr) return absl::OkStatus();
    for (size_t i = 0; i < got.size(); ++i) {
      const float want = want_->values[first + i];
      if (std::abs(got[i] - want) <= tolerance_ * largest_) continue;
      return absl::FailedPreconditionError(absl::StrFormat(
          "%s: %s%s is %.6g here, expected %.6g: the model does not compute "
          "what its owner says (nonlinearity, activation, what the head is "
          "applied to?)",
          kExampleFile, name_,
          IndexString(first + static_cast<int64_t>(i), want_->shape), got[i],
          want));
    }
    return absl::OkStatus();
  }

 private:
  const std::string_view name_;
  const Tensor* want_;
  const float tolerance_;  // of the largest
  float largest_ = 0;
};

// The state of one sequence of the example.
struct State {
  std::vector<Tensor> tensors;
  std::vector<float*> pointers;
};

class Checker {
 public:
  Checker(const Example& example, const ModelInfo& info, const Network& network)
      : example_(example),
        info_(info),
        network_(network),
        hidden_("hidden", example.hidden, Tolerance(info)),
        h_n_("h_n", example.h_n, Tolerance(info)),
        scores_("scores", example.scores, Tolerance(info)),
        all_steps_(example.steps) {
    std::iota(all_steps_.begin(), all_steps_.end(), 0);
  }

  // Some sequences, as one batch.
  absl::Status Check(int64_t first, int64_t count) {
    std::vector<State> states;
    for (int64_t n = first; n < first + count; ++n) {
      states.push_back(InitialState(n));
    }
    std::vector<Slice> slices;
    for (int64_t i = 0; i < count; ++i) {
      slices.push_back(MakeSlice(first + i, states[i]));
    }
    RETURN_IF_ERROR(network_.Execute(slices, run_));
    for (int64_t i = 0; i < count; ++i) {
      RETURN_IF_ERROR(Compare(first + i, run_.results[i], states[i]));
    }
    return absl::OkStatus();
  }

 private:
  int64_t states() const {
    return info_.spec.num_layers * info_.spec.directions;
  }
  // Where row `i` of sequence `n` begins in [L*D, N, H].
  int64_t StateOffset(int64_t i, int64_t n) const {
    return (i * example_.sequences + n) * info_.spec.hidden_size;
  }

  State InitialState(int64_t n) const {
    State state;
    for (const StateTensorSpec& spec : StateSpec(info_)) {
      state.tensors.push_back(ZeroTensor(spec.shape));
    }
    const int64_t h = info_.spec.hidden_size;
    for (int64_t i = 0; i < states() && !example_.h_0.empty(); ++i) {
      std::copy_n(example_.h_0.values.begin() + StateOffset(i, n), h,
                  state.tensors[0].values.begin() + i * h);
    }
    for (Tensor& tensor : state.tensors) {
      state.pointers.push_back(tensor.values.data());
    }
    return state;
  }

  Slice MakeSlice(int64_t n, const State& state) const {
    Slice slice;
    slice.steps = example_.steps;
    if (example_.tokens.empty()) {
      slice.features =
          example_.features.data() + n * example_.steps * info_.spec.input_size;
    } else {
      slice.tokens = example_.tokens.data() + n * example_.steps;
    }
    slice.state = state.pointers;
    if (example_.scores) {
      slice.score_steps = all_steps_;
      slice.wants_scores = true;
    }
    return slice;
  }

  absl::Status Compare(int64_t n, const SliceResult& result,
                       const State& state) const {
    const int64_t steps = example_.steps;
    for (int64_t t = 0; t < steps; ++t) {
      RETURN_IF_ERROR(hidden_.Compare(
          (n * steps + t) * info_.spec.hidden_width(), result.hidden(t)));
    }
    const int64_t h = info_.spec.hidden_size;
    for (int64_t i = 0; i < states(); ++i) {
      RETURN_IF_ERROR(
          h_n_.Compare(StateOffset(i, n),
                       std::span(state.tensors[0].values).subspan(i * h, h)));
    }
    if (!example_.scores) return absl::OkStatus();
    const int64_t rows = info_.head->each_step() ? steps : 1;
    for (int64_t row = 0; row < rows; ++row) {
      RETURN_IF_ERROR(scores_.Compare((n * rows + row) * info_.head->classes(),
                                      result.scores(row)));
    }
    return absl::OkStatus();
  }

  const Example& example_;
  const ModelInfo& info_;
  const Network& network_;
  const Expectation hidden_, h_n_, scores_;
  std::vector<int64_t> all_steps_;
  Network::Run run_;
};

}  // namespace

absl::Status CheckExample(const Example& example, const ModelInfo& info,
                          const Network& network, int64_t max_rows) {
  Checker checker(example, info, network);
  for (int64_t first = 0; first < example.sequences; first += max_rows) {
    RETURN_IF_ERROR(
        checker.Check(first, std::min(max_rows, example.sequences - first)));
  }
  return absl::OkStatus();
}

}  // namespace unroll
