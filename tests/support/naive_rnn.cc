#include "tests/support/naive_rnn.h"

#include <algorithm>
#include <cmath>

namespace unroll::testing {
namespace {

// y += W x, with W [rows, x.size()].
void AddProduct(const Tensor& w, const Row& x, Row& y) {
  for (size_t i = 0; i < y.size(); ++i) {
    for (size_t j = 0; j < x.size(); ++j) {
      y[i] += double{w.values[i * x.size() + j]} * x[j];
    }
  }
}

void AddBias(const Tensor& b, Row& y) {
  for (size_t i = 0; i < b.values.size(); ++i) y[i] += b.values[i];
}

Row Step(const LayerWeights& w, Nonlinearity f, const Row& x, const Row& h) {
  Row next(h.size(), 0.0);
  AddProduct(w.weight_ih, x, next);
  AddProduct(w.weight_hh, h, next);
  AddBias(w.bias_ih, next);
  AddBias(w.bias_hh, next);
  for (double& v : next) {
    v = f == Nonlinearity::kTanh ? std::tanh(v) : std::max(v, 0.0);
  }
  return next;
}

Row Activate(Activation g, Row y) {
  double sum = 0;
  const double most = *std::max_element(y.begin(), y.end());
  for (double v : y) sum += std::exp(v - most);
  for (double& v : y) {
    if (g == Activation::kTanh) v = std::tanh(v);
    if (g == Activation::kRelu) v = std::max(v, 0.0);
    if (g == Activation::kSigmoid) v = 1 / (1 + std::exp(-v));
    if (g == Activation::kSoftmax) v = std::exp(v - most) / sum;
    if (g == Activation::kLogSoftmax) v = v - most - std::log(sum);
  }
  return y;
}

Row Pooled(AppliedTo pool_of, const Matrix& hidden) {
  Row pooled = hidden.front();
  for (size_t t = 1; t < hidden.size(); ++t) {
    for (size_t i = 0; i < pooled.size(); ++i) {
      const double x = hidden[t][i];
      pooled[i] =
          pool_of == AppliedTo::kMax ? std::max(pooled[i], x) : pooled[i] + x;
    }
  }
  if (pool_of == AppliedTo::kMean) {
    for (double& x : pooled) x /= static_cast<double>(hidden.size());
  }
  return pooled;
}

}  // namespace

NaiveResult NaiveRnn(const Model& model, const Matrix& input,
                     const Matrix& h_0) {
  const Spec& spec = model.info.spec;
  const int64_t h = spec.hidden_size, d = spec.directions;
  const auto steps = static_cast<int64_t>(input.size());
  NaiveResult result;
  result.h_n = h_0.empty() ? Matrix(spec.num_layers * d, Row(h, 0.0)) : h_0;
  result.hidden = input;
  const Normalization& normalization = model.weights.normalization;
  for (size_t i = 0; i < normalization.mean.values.size(); ++i) {
    for (Row& x : result.hidden) {
      x[i] = (x[i] - double{normalization.mean.values[i]}) /
             double{normalization.std.values[i]};
    }
  }
  for (int64_t layer = 0; layer < spec.num_layers; ++layer) {
    Matrix output(steps, Row(d * h));
    for (int64_t direction = 0; direction < d; ++direction) {
      const int64_t index = layer * d + direction;
      Row& state = result.h_n[index];
      for (int64_t i = 0; i < steps; ++i) {
        const bool forward = direction == 0 && !spec.reverse;
        const int64_t t = forward ? i : steps - 1 - i;
        state = Step(model.weights.layers[index], spec.nonlinearity,
                     result.hidden[t], state);
        std::copy(state.begin(), state.end(),
                  output[t].begin() + direction * h);
      }
    }
    result.hidden = output;
  }
  if (!model.info.head) return result;

  Matrix read = result.hidden;
  if (model.info.head->applied_to == AppliedTo::kLastStep) {
    read = {result.hidden.back()};
  } else if (model.info.head->applied_to == AppliedTo::kFinalState) {
    read = {{}};
    for (auto i = result.h_n.end() - d; i != result.h_n.end(); ++i) {
      read[0].insert(read[0].end(), i->begin(), i->end());
    }
  } else if (Pools(model.info.head->applied_to)) {
    read = {Pooled(model.info.head->applied_to, result.hidden)};
  }
  for (Row& x : read) {
    for (size_t i = 0; i < model.weights.head.size(); ++i) {
      Row y(model.info.head->layers[i].width, 0.0);
      AddProduct(model.weights.head[i].weight, x, y);
      AddBias(model.weights.head[i].bias, y);
      x = Activate(model.info.head->layers[i].activation, y);
    }
    result.scores.push_back(x);
  }
  return result;
}

Matrix NaiveEmbed(const Model& model, const std::vector<int32_t>& tokens) {
  const int64_t width = model.info.spec.input_size;
  Matrix rows;
  for (int32_t token : tokens) {
    if (model.info.one_hot) {
      rows.emplace_back(width, 0.0)[token] = 1.0;
      continue;
    }
    const float* row = model.weights.embedding.values.data() + token * width;
    rows.emplace_back(row, row + width);
  }
  return rows;
}

}  // namespace unroll::testing
