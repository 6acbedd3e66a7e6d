#include "tests/bench/layer.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "core/base/files.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/rnn/kernel.h"

namespace unroll::bench {
namespace {

constexpr int64_t kMaxSize = 65536;
constexpr int64_t kMaxFileBytes = int64_t{4} << 30;

absl::Status Check(const LayerShape& shape) {
  const std::pair<const char*, int64_t> sizes[] = {{"T", shape.steps},
                                                   {"N", shape.sequences},
                                                   {"I", shape.input_size},
                                                   {"H", shape.hidden_size}};
  for (const auto& [name, size] : sizes) {
    if (size < 1 || size > kMaxSize) {
      return Invalid("%s is %d, expected 1 to %d", name, size, kMaxSize);
    }
  }
  return absl::OkStatus();
}

// Takes tensors off the front of a file's bytes.
class Reader {
 public:
  explicit Reader(const std::string& bytes) : next_(bytes.data()) {}

  Tensor Read(const Shape& shape) {
    Tensor tensor = ZeroTensor(shape);
    const size_t bytes = tensor.values.size() * sizeof(float);
    std::memcpy(tensor.values.data(), next_, bytes);
    next_ += bytes;
    return tensor;
  }

 private:
  const char* next_;
};

// What a layer reads: rows [T * N, I], or tokens and their embedding.
struct Input {
  Tensor rows;
  std::vector<int32_t> tokens;  // [T * N], or none
};

// Makes each row a token of its own. They lie in no order, as those of a text.
Input AsTokens(const Tensor& rows) {
  const int64_t count = rows.shape[0], width = rows.shape[1];
  Input input = {ZeroTensor(rows.shape), std::vector<int32_t>(count)};
  std::iota(input.tokens.begin(), input.tokens.end(), 0);
  std::shuffle(input.tokens.begin(), input.tokens.end(), std::mt19937(1));
  for (int64_t row = 0; row < count; ++row) {
    std::copy_n(rows.values.begin() + row * width, width,
                input.rows.values.begin() + input.tokens[row] * width);
  }
  return input;
}

class Layer final : public Workload {
 public:
  Layer(const LayerShape& shape, std::unique_ptr<const Kernel> kernel,
        const Input& input)
      : state_size_(shape.sequences * shape.hidden_size),
        kernel_(std::move(kernel)),
        tokens_(input.tokens) {
    layout_.Reset(std::vector<int64_t>(shape.sequences, shape.steps));
    // Memory as a worker of the server has it.
    output_ = {workspace_.Floats(Workspace::kOutputEven,
                                 layout_.rows() * shape.hidden_size),
               shape.hidden_size};
    state_ = workspace_.Floats(Workspace::kState, state_size_);
    if (!tokens_.empty()) {
      input_.tokens = tokens_.data();
      return;
    }
    const std::vector<float>& rows = input.rows.values;
    float* const copy =
        workspace_.Floats(Workspace::kInput, static_cast<int64_t>(rows.size()));
    std::copy(rows.begin(), rows.end(), copy);
    input_.rows = {copy, shape.input_size};
  }

  absl::Status Run() override {
    std::fill_n(state_, state_size_, 0.0f);
    Cores::Lease one_thread(nullptr);
    return kernel_->Run(layout_, Direction::kForward, input_, output_, state_,
                        workspace_, one_thread);
  }

  std::span<const float> output() const override {
    return {output_.data, static_cast<size_t>(layout_.rows() * output_.stride)};
  }

 private:
  const int64_t state_size_;  // N * H
  const std::unique_ptr<const Kernel> kernel_;
  const std::vector<int32_t> tokens_;
  PackedLayout layout_;
  Workspace workspace_;
  LayerInput input_;
  Rows output_;
  float* state_;
};

absl::StatusOr<std::unique_ptr<const Kernel>> MakeKernel(
    const LayerWeights& weights, const LayerShape& shape,
    const LayerOptions& options, const Input& input) {
  if (options.kernel == KernelChoice::kPrimitive) {
    return MakePrimitiveKernel(weights, Nonlinearity::kTanh,
                               {.input_stride = shape.input_size,
                                .output_stride = shape.hidden_size,
                                .max_rows = shape.sequences});
  }
  KernelOptions kernel = {.precision = options.precision};
  if (options.tokens) kernel.tokens = {input.rows.shape[0], &input.rows};
  return MakeSplitKernel(weights, kernel);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Workload>> MakeLayer(
    const LayerShape& shape, const std::string& path,
    const LayerOptions& options) {
  RETURN_IF_ERROR(Check(shape));
  const int64_t i = shape.input_size, h = shape.hidden_size;
  const int64_t rows = shape.steps * shape.sequences;
  const int64_t expected =
      (h * i + h * h + 2 * h + rows * i) * static_cast<int64_t>(sizeof(float));
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxFileBytes));
  if (static_cast<int64_t>(bytes.size()) != expected) {
    return InvalidAt(path, "%d bytes, expected %d", bytes.size(), expected);
  }
  Reader reader(bytes);
  LayerWeights weights;
  weights.weight_ih = reader.Read({h, i});
  weights.weight_hh = reader.Read({h, h});
  weights.bias_ih = reader.Read({h});
  weights.bias_hh = reader.Read({h});
  Input input = {reader.Read({rows, i}), {}};
  if (options.tokens) input = AsTokens(input.rows);
  ASSIGN_OR_RETURN(auto kernel, MakeKernel(weights, shape, options, input));
  return std::make_unique<Layer>(shape, std::move(kernel), input);
}

}  // namespace unroll::bench
