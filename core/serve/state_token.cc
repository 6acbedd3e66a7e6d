#include "core/serve/state_token.h"

#include <bit>
#include <cstring>
#include <optional>

#include "core/base/checked.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {
namespace {

// Numbers are written as they lie.
static_assert(std::endian::native == std::endian::little);

constexpr int64_t kMostSteps = int64_t{1} << 62;

template <typename Number>
void AppendNumber(Number number, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void AppendText(std::string_view text, std::string& bytes) {
  AppendNumber(static_cast<uint32_t>(text.size()), bytes);
  bytes += text;
}

// Takes things off the front of a token's bytes. After the first that is not
// there, nothing is any more.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  template <typename Number>
  Number TakeNumber() {
    Number number = 0;
    const std::string_view bytes = Take(sizeof(number));
    if (ok_) std::memcpy(&number, bytes.data(), sizeof(number));
    return number;
  }
  std::string TakeText() { return std::string(Take(TakeNumber<uint32_t>())); }

  Tensor TakeTensor() {
    Tensor tensor;
    const auto dimensions = TakeNumber<uint32_t>();
    for (uint32_t i = 0; ok_ && i < dimensions; ++i) {
      tensor.shape.push_back(TakeNumber<int64_t>());
    }
    const std::optional<int64_t> elements = CheckedElements(tensor.shape);
    const std::optional<int64_t> size =
        elements ? CheckedMultiply(*elements, sizeof(float)) : std::nullopt;
    if (!size) ok_ = false;
    const std::string_view bytes = Take(ok_ ? *size : 0);
    if (!ok_) return {};
    tensor.values.resize(*elements);
    if (!bytes.empty()) {
      std::memcpy(tensor.values.data(), bytes.data(), bytes.size());
    }
    return tensor;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view Take(uint64_t size) {
    if (size > left_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
  bool ok_ = true;
};

// The signature held, so that this is a fault of who made the token.
absl::Status CheckState(const StateToken& token, const ModelInfo& info) {
  const std::vector<StateTensorSpec> expected = StateSpec(info);
  bool same = token.state.size() == expected.size();
  for (size_t i = 0; same && i < expected.size(); ++i) {
    same = token.state[i].name == expected[i].name &&
           token.state[i].tensor.shape == expected[i].shape;
  }
  if (same) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "its tensors are not those of the model's state");
}

}  // namespace

std::string SerializeStateToken(const StateToken& token) {
  std::string bytes;
  AppendText(token.model, bytes);
  AppendNumber(token.version, bytes);
  AppendText(token.fingerprint, bytes);
  AppendText(token.numerics, bytes);
  AppendNumber(token.steps_done, bytes);
  AppendNumber(static_cast<uint32_t>(token.state.size()), bytes);
  for (const NamedTensor& named : token.state) {
    const Tensor& tensor = named.tensor;
    AppendText(named.name, bytes);
    AppendNumber(static_cast<uint32_t>(tensor.shape.size()), bytes);
    for (const int64_t dimension : tensor.shape) AppendNumber(dimension, bytes);
    bytes.append(reinterpret_cast<const char*>(tensor.values.data()),
                 tensor.values.size() * sizeof(float));
  }
  return bytes;
}

absl::StatusOr<StateToken> ParseStateToken(std::string_view body) {
  Reader reader(body);
  StateToken token;
  token.model = reader.TakeText();
  token.version = reader.TakeNumber<int64_t>();
  token.fingerprint = reader.TakeText();
  token.numerics = reader.TakeText();
  token.steps_done = reader.TakeNumber<int64_t>();
  const auto tensors = reader.TakeNumber<uint32_t>();
  for (uint32_t i = 0; reader.ok() && i < tensors; ++i) {
    NamedTensor& named = token.state.emplace_back();
    named.name = reader.TakeText();
    named.tensor = reader.TakeTensor();
  }
  if (!reader.ok() || !reader.at_end() || token.steps_done < 0 ||
      token.steps_done > kMostSteps) {
    return Invalid("its body is not that of a state token");
  }
  return token;
}

absl::StatusOr<std::string> MakeStateToken(const ServedModel& model,
                                           std::span<const Tensor> state,
                                           int64_t steps_done,
                                           const StateKeys& keys) {
  StateToken token = {.model = model.info.name,
                      .version = model.info.version,
                      .fingerprint = model.info.fingerprint,
                      .numerics = model.network->numerics(),
                      .steps_done = steps_done};
  const std::vector<StateTensorSpec> names = StateSpec(model.info);
  for (size_t i = 0; i < state.size(); ++i) {
    token.state.push_back({std::string(names[i].name), state[i]});
  }
  return keys.Sign(SerializeStateToken(token));
}

int64_t StateTokenBytes(const ServedModel& model) {
  constexpr int64_t kNumbersAndSizes = 64;
  constexpr int64_t kTensorFrame = 64;  // name and shape
  int64_t bytes = StateKeys::kOverhead + kNumbersAndSizes +
                  std::ssize(model.info.name) +
                  std::ssize(model.info.fingerprint) +
                  std::ssize(model.network->numerics());
  for (const StateTensorSpec& spec : StateSpec(model.info)) {
    bytes +=
        kTensorFrame + *CheckedElements(spec.shape) * int64_t{sizeof(float)};
  }
  return bytes;
}

absl::StatusOr<StateToken> OpenStateToken(std::string_view bytes,
                                          const ServedModel& model,
                                          const StateKeys& keys) {
  const ModelInfo& info = model.info;
  if (!model.incremental()) {
    return Invalid(
        "the model runs backward: a sequence of it cannot go on from a state");
  }
  ASSIGN_OR_RETURN(const std::string_view body, keys.Verify(bytes));
  ASSIGN_OR_RETURN(StateToken token, ParseStateToken(body));
  if (token.model != info.name) {
    return Invalid("of model %s, expected one of %s", Quoted(token.model),
                   Quoted(info.name));
  }
  if (token.fingerprint != info.fingerprint) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "of other weights: version %d with fingerprint %s, this is version %d "
        "with %s",
        token.version, Printable(token.fingerprint), info.version,
        info.fingerprint));
  }
  RETURN_IF_ERROR(CheckState(token, info));
  return token;
}

bool ContinuesExactly(const StateToken& token, const ServedModel& model) {
  return model.network->exact() && token.numerics == model.network->numerics();
}

}  // namespace unroll
