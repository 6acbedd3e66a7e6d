#include "server/infer_inputs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "server/sequence_input.h"

namespace unroll::server {
namespace {

constexpr int64_t kAny = -1;

std::string ShapePattern(const Shape& shape, std::string_view names) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    absl::StrAppend(
        &text, i == 0 ? "" : ",",
        shape[i] == kAny ? std::string(1, names[i]) : absl::StrCat(shape[i]));
  }
  return text + "]";
}

// Checks a tensor's datatype and shape; kAny is a size that may be any.
absl::Status Expect(const InferTensor& tensor,
                    std::initializer_list<std::string_view> datatypes,
                    const Shape& shape) {
  const bool datatype_fits = std::find(datatypes.begin(), datatypes.end(),
                                       tensor.datatype) != datatypes.end();
  const bool shape_fits = std::equal(
      tensor.shape.begin(), tensor.shape.end(), shape.begin(), shape.end(),
      [](int64_t got, int64_t want) { return want == kAny || got == want; });
  if (datatype_fits && shape_fits) return absl::OkStatus();
  const std::vector<std::string> names(datatypes.begin(), datatypes.end());
  return InvalidAt(absl::StrCat("input ", Quoted(tensor.name)),
                   "%s %s, expected %s %s", tensor.datatype,
                   ShapeString(tensor.shape), absl::StrJoin(names, " or "),
                   ShapePattern(shape, "NT"));
}

// What the model is fed with, for messages.
std::string_view MainInput(const ModelInfo& info) {
  return info.vocabulary            ? "tokens or text"
         : info.vocabulary_size > 0 ? "tokens"
                                    : "input";
}

}  // namespace

absl::StatusOr<InferInputs> InferInputs::Read(
    const inference::ModelInferRequest& request,
    std::shared_ptr<const ServedModel> model) {
  ASSIGN_OR_RETURN(Tensors tensors, ReadInferTensors(request));
  InferInputs inputs(std::move(model));
  RETURN_IF_ERROR(inputs.ReadMain(tensors));
  RETURN_IF_ERROR(inputs.ReadLengths(tensors));
  RETURN_IF_ERROR(inputs.ReadInitial(tensors));
  RETURN_IF_ERROR(inputs.ReadStateTokens(tensors));
  if (!tensors.empty()) {
    return InvalidAt(
        absl::StrCat("input ", Quoted(tensors.begin()->first)),
        "is not known, expected %s, and maybe %sh_0 or state_token",
        MainInput(inputs.model_->info),
        inputs.texts_.empty() ? "lengths, " : "");
  }
  return inputs;
}

absl::Status InferInputs::ReadMain(Tensors& tensors) {
  const ModelInfo& info = model_->info;
  Tensors mains;
  for (const char* name : {"input", "tokens", "text"}) {
    mains.insert(tensors.extract(name));
  }
  if (mains.size() != 1) {
    return Invalid("inputs: %s, expected %s",
                   mains.empty() ? "none with the sequences' steps"
                                 : "more than one with the sequences' steps",
                   MainInput(info));
  }
  InferTensor& main = mains.begin()->second;
  const bool suits = main.name == "input"    ? info.vocabulary_size == 0
                     : main.name == "tokens" ? info.vocabulary_size > 0
                                             : info.vocabulary.has_value();
  if (!suits) {
    return InvalidAt(absl::StrCat("input ", Quoted(main.name)),
                     "does not suit the model, expected %s", MainInput(info));
  }
  if (main.name == "text") {
    // [N,1] is what clients make of an [N] whose first size is the batch.
    if (main.shape.size() == 2 && main.shape[1] == 1) main.shape.pop_back();
    RETURN_IF_ERROR(Expect(main, {"BYTES"}, {kAny}));
    texts_ = std::move(main.strings);
  } else if (main.name == "tokens") {
    RETURN_IF_ERROR(Expect(main, {"INT64", "INT32"}, {kAny, kAny}));
    ids_ = main;
  } else {
    RETURN_IF_ERROR(Expect(main, {"FP32", "FP16", "BF16"},
                           {kAny, kAny, info.spec.input_size}));
    features_ = Floats(main, converted_);
  }
  sequences_ = main.shape[0];
  if (sequences_ == 0) {
    return InvalidAt(absl::StrCat("input ", Quoted(main.name)),
                     "no sequences, expected 1 or more");
  }
  if (texts_.empty()) {
    steps_ = main.shape[1];
    return CheckSteps(steps_, steps_);
  }
  return absl::OkStatus();
}

absl::Status InferInputs::ReadLengths(Tensors& tensors) {
  if (!texts_.empty()) return absl::OkStatus();
  const auto found = tensors.extract("lengths");
  if (found.empty()) return absl::OkStatus();
  const InferTensor& tensor = found.mapped();
  RETURN_IF_ERROR(Expect(tensor, {"INT64", "INT32"}, {sequences_}));
  if (tensor.datatype == "INT64") {
    const auto lengths = tensor.As<int64_t>();
    lengths_.assign(lengths.begin(), lengths.end());
  } else {
    const auto lengths = tensor.As<int32_t>();
    lengths_.assign(lengths.begin(), lengths.end());
  }
  for (size_t n = 0; n < lengths_.size(); ++n) {
    if (lengths_[n] < 1 || lengths_[n] > steps_) {
      return Invalid("input \"lengths\": element %d is %d, expected 1 to %d", n,
                     lengths_[n], steps_);
    }
  }
  return absl::OkStatus();
}

absl::Status InferInputs::ReadInitial(Tensors& tensors) {
  const auto found = tensors.extract("h_0");
  if (found.empty()) return absl::OkStatus();
  const Shape h = StateSpec(model_->info).front().shape;
  RETURN_IF_ERROR(Expect(found.mapped(), {"FP32", "FP16", "BF16"},
                         {sequences_, h[0], h[1]}));
  initial_ = Floats(found.mapped(), converted_initial_);
  RETURN_IF_ERROR(CheckFinite(initial_, "input \"h_0\""));
  return absl::OkStatus();
}

absl::Status InferInputs::ReadStateTokens(Tensors& tensors) {
  const auto found = tensors.extract("state_token");
  if (found.empty()) return absl::OkStatus();
  InferTensor& tensor = found.mapped();
  RETURN_IF_ERROR(Expect(tensor, {"BYTES"}, {sequences_}));
  tokens_ = std::move(tensor.strings);
  return absl::OkStatus();
}

absl::StatusOr<SequenceRequest> InferInputs::Take(int64_t n,
                                                  int64_t max_steps) {
  SequenceRequest request;
  const ModelInfo& info = model_->info;
  const int64_t length = lengths_.empty() ? steps_ : lengths_[n];
  if (!texts_.empty()) {
    RETURN_IF_ERROR(SetText(texts_[n], info, max_steps, request));
    steps_ = std::max(steps_, request.steps);
  } else if (!ids_.name.empty()) {
    const auto take = [&](auto all) {
      return SetTokens(all.subspan(n * steps_, length), "tokens", info,
                       max_steps, request);
    };
    RETURN_IF_ERROR(ids_.datatype == "INT64" ? take(ids_.As<int64_t>())
                                             : take(ids_.As<int32_t>()));
  } else {
    RETURN_IF_ERROR(CheckSteps(length, max_steps));
    const int64_t width = info.spec.input_size;
    const auto rows = features_.subspan(n * steps_ * width, length * width);
    RETURN_IF_ERROR(CheckFinite(rows, "input"));
    request.features = rows.data();
    request.steps = length;
  }
  if (has_initial_state()) {
    for (const StateTensorSpec& spec : StateSpec(info)) {
      request.state.push_back(ZeroTensor(spec.shape));
    }
    std::vector<float>& h = request.state.front().values;
    std::copy_n(initial_.begin() + n * std::ssize(h), h.size(), h.begin());
  }
  request.model = model_;
  return request;
}

}  // namespace unroll::server
