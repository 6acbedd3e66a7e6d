#include "server/infer_tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/checked.h"
#include "core/base/half.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "server/infer_parameters.h"

namespace unroll::server {
namespace {

using inference::InferTensorContents;
using InputTensor = inference::ModelInferRequest::InferInputTensor;

// Elements are used as they lie: in a std::string or RepeatedField of their
// own, whose memory is aligned for any number.
static_assert(std::endian::native == std::endian::little);

struct Datatype {
  std::string_view name;
  int64_t bytes;           // of an element; BYTES: the least
  std::string_view typed;  // its field of contents; "": none
};
constexpr Datatype kDatatypes[] = {{"FP32", 4, "fp32_contents"},
                                   {"FP16", 2, ""},
                                   {"BF16", 2, ""},
                                   {"INT64", 8, "int64_contents"},
                                   {"INT32", 4, "int_contents"},
                                   {"BYTES", 4, "bytes_contents"}};

absl::StatusOr<const Datatype*> Find(std::string_view name) {
  for (const Datatype& datatype : kDatatypes) {
    if (datatype.name == name) return &datatype;
  }
  return Invalid(
      "datatype %s, expected FP32, FP16, BF16, INT64, INT32 or BYTES",
      Quoted(name));
}

template <typename Field>
std::string_view BytesOf(const Field& field) {
  return {reinterpret_cast<const char*>(field.data()),
          field.size() * sizeof(*field.data())};
}

absl::Status ReadRawStrings(std::string_view raw, InferTensor& tensor) {
  tensor.strings.reserve(tensor.elements);
  while (!raw.empty()) {
    uint32_t size;
    if (raw.size() < sizeof(size)) break;
    std::memcpy(&size, raw.data(), sizeof(size));
    raw.remove_prefix(sizeof(size));
    if (size > raw.size()) {
      return Invalid("element %d has %d bytes, but %d are left of the raw data",
                     tensor.strings.size(), size, raw.size());
    }
    tensor.strings.push_back(raw.substr(0, size));
    raw.remove_prefix(size);
  }
  if (!raw.empty() || std::ssize(tensor.strings) != tensor.elements) {
    return Invalid("%d elements and %d bytes of raw data, expected %d elements",
                   tensor.strings.size(), raw.size(), tensor.elements);
  }
  return absl::OkStatus();
}

absl::Status ReadRaw(std::string_view raw, const Datatype& datatype,
                     InferTensor& tensor) {
  const auto bytes = CheckedMultiply(tensor.elements, datatype.bytes);
  const bool strings = datatype.name == "BYTES";
  const int64_t given = std::ssize(raw);
  if (!bytes || (strings ? *bytes > given : *bytes != given)) {
    return Invalid("%d bytes of raw data, expected %s for %s %s", given,
                   bytes ? absl::StrCat(*bytes, strings ? " or more" : "")
                         : "a sound size",
                   datatype.name, ShapeString(tensor.shape));
  }
  if (strings) return ReadRawStrings(raw, tensor);
  tensor.bytes = raw;
  return absl::OkStatus();
}

absl::Status ReadTyped(const InferTensorContents& contents,
                       const Datatype& datatype, InferTensor& tensor) {
  if (datatype.typed.empty()) {
    return Invalid("%s has no typed contents, expected raw_input_contents",
                   datatype.name);
  }
  int64_t given;
  if (datatype.name == "BYTES") {
    tensor.strings.assign(contents.bytes_contents().begin(),
                          contents.bytes_contents().end());
    given = std::ssize(tensor.strings);
  } else {
    tensor.bytes = datatype.name == "FP32" ? BytesOf(contents.fp32_contents())
                   : datatype.name == "INT64"
                       ? BytesOf(contents.int64_contents())
                       : BytesOf(contents.int_contents());
    given = std::ssize(tensor.bytes) / datatype.bytes;
  }
  if (given != tensor.elements) {
    return Invalid("%d elements in %s, expected %d for shape %s", given,
                   datatype.typed, tensor.elements, ShapeString(tensor.shape));
  }
  return absl::OkStatus();
}

absl::StatusOr<InferTensor> Read(const InputTensor& input,
                                 const std::string* raw) {
  InferTensor tensor{.name = input.name(),
                     .datatype = input.datatype(),
                     .shape = {input.shape().begin(), input.shape().end()}};
  ASSIGN_OR_RETURN(const Datatype* datatype, Find(input.datatype()));
  const auto elements = CheckedElements(tensor.shape);
  if (!elements) {
    return Invalid("shape %s, expected sizes of 0 or more and a sound product",
                   ShapeString(tensor.shape));
  }
  tensor.elements = *elements;
  RETURN_IF_ERROR(raw != nullptr
                      ? ReadRaw(*raw, *datatype, tensor)
                      : ReadTyped(input.contents(), *datatype, tensor));
  return tensor;
}

}  // namespace

absl::StatusOr<std::map<std::string_view, InferTensor>> ReadInferTensors(
    const inference::ModelInferRequest& request) {
  const int raw = request.raw_input_contents_size();
  if (raw > 0 && raw != request.inputs_size()) {
    return Invalid("raw_input_contents: %d, expected %d: one for each input",
                   raw, request.inputs_size());
  }
  std::map<std::string_view, InferTensor> tensors;
  for (int i = 0; i < request.inputs_size(); ++i) {
    const InputTensor& input = request.inputs(i);
    const std::string where = absl::StrCat("input ", Quoted(input.name()));
    RETURN_IF_ERROR(RefuseSharedMemory(input.parameters(), where));
    if (raw > 0 && input.has_contents()) {
      return InvalidAt(where,
                       "has contents, and the request raw_input_contents; "
                       "expected one of them");
    }
    auto tensor =
        Read(input, raw > 0 ? &request.raw_input_contents(i) : nullptr);
    if (!tensor.ok()) {
      return InvalidAt(where, "%s", tensor.status().message());
    }
    if (!tensors.emplace(input.name(), *std::move(tensor)).second) {
      return InvalidAt(where, "comes twice");
    }
  }
  return tensors;
}

int64_t ConvertedBytes(const inference::ModelInferRequest& request) {
  int64_t bytes = 0;
  for (int i = 0;
       i < std::min(request.inputs_size(), request.raw_input_contents_size());
       ++i) {
    const std::string& datatype = request.inputs(i).datatype();
    if (datatype == "FP16" || datatype == "BF16") {
      bytes += 2 * std::ssize(request.raw_input_contents(i));
    }
  }
  return bytes;
}

std::span<const float> Floats(const InferTensor& tensor,
                              std::vector<float>& converted) {
  if (tensor.datatype == "FP32") return tensor.As<float>();
  const auto from = tensor.As<uint16_t>();
  converted.resize(from.size());
  std::transform(from.begin(), from.end(), converted.begin(),
                 tensor.datatype == "FP16" ? FromHalf : FromBfloat16);
  return converted;
}

}  // namespace unroll::server
