#include "core/model/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/json.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {
namespace {

using nlohmann::json;

// A header of 4 MiB describes some 40,000 tensors. Parsed JSON takes up to
// about 20 times its text.
constexpr uint64_t kMaxHeaderBytes = 4 << 20;
constexpr size_t kMaxDimensions = 8;
constexpr size_t kMaxNameBytes = 1000;  // patterns are matched with names
constexpr std::string_view kMetadata = "__metadata__";

template <typename... Args>
absl::Status Error(std::string_view where,
                   const absl::FormatSpec<Args...>& format,
                   const Args&... args) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: %s", where, absl::StrFormat(format, args...)));
}

// A JSON value as a whole number of at least 0.
std::optional<int64_t> ToSize(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const uint64_t number = value.get<uint64_t>();
  if (number > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return std::nullopt;
  }
  return static_cast<int64_t>(number);
}

// A JSON array of such, as long as `allowed` says; `what` is for messages.
absl::StatusOr<std::vector<int64_t>> ToSizes(const json& value, size_t most,
                                             std::string_view what) {
  if (!value.is_array()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is %s, expected an array", what, JsonKind(value)));
  }
  if (value.size() > most) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s has %d entries, expected at most %d", what, value.size(), most));
  }
  std::vector<int64_t> sizes;
  for (const json& entry : value) {
    const auto size = ToSize(entry);
    if (!size) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s entry %d is not a whole number from 0 to 2^63 - 1", what,
          sizes.size()));
    }
    sizes.push_back(*size);
  }
  return sizes;
}

// One member of the header. Messages go without file and tensor.
absl::StatusOr<StoredTensor> ParseTensor(const json& value,
                                         int64_t data_bytes) {
  if (!value.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("is %s, expected an object", JsonKind(value)));
  }
  const json* dtype = nullptr;
  const json* shape = nullptr;
  const json* offsets = nullptr;
  for (const auto& [key, member] : value.items()) {
    const json** place = key == "dtype"          ? &dtype
                         : key == "shape"        ? &shape
                         : key == "data_offsets" ? &offsets
                                                 : nullptr;
    if (place == nullptr) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "unknown key %s, expected dtype, shape, data_offsets", Quoted(key)));
    }
    *place = &member;
  }
  if (dtype == nullptr || shape == nullptr || offsets == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is missing", dtype == nullptr   ? "dtype"
                                         : shape == nullptr ? "shape"
                                                            : "data_offsets"));
  }
  if (!dtype->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("dtype is %s, expected a string", JsonKind(*dtype)));
  }
  const auto info = FindDtype(dtype->get_ref<const std::string&>());
  if (!info) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "unknown dtype %s", Quoted(dtype->get_ref<const std::string&>())));
  }

  StoredTensor tensor;
  tensor.dtype = *info;
  ASSIGN_OR_RETURN(tensor.shape, ToSizes(*shape, kMaxDimensions, "shape"));
  ASSIGN_OR_RETURN(const std::vector<int64_t> range,
                   ToSizes(*offsets, 2, "data_offsets"));
  if (range.size() != 2) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "data_offsets has %d entries, expected 2", range.size()));
  }
  tensor.begin = range[0];
  tensor.end = range[1];
  if (tensor.begin > tensor.end || tensor.end > data_bytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "data_offsets %s, expected a range in the file's %d bytes of data",
        ShapeString(range), data_bytes));
  }
  const auto elements = CheckedElements(tensor.shape);
  const auto bits =
      elements ? CheckedMultiply(*elements, info->bits) : std::nullopt;
  if (!bits) {
    return absl::InvalidArgumentError(
        absl::StrFormat("shape %s is too large", ShapeString(tensor.shape)));
  }
  if (*bits % 8 != 0 || *bits / 8 != tensor.end - tensor.begin) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "data_offsets %s are %d bytes, expected %d for %s %s",
        ShapeString(range), tensor.end - tensor.begin, (*bits + 7) / 8,
        info->name, ShapeString(tensor.shape)));
  }
  tensor.elements = *elements;
  return tensor;
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(
    const json& value, std::string_view where) {
  if (!value.is_object()) {
    return Error(where, "%s is %s, expected an object", kMetadata,
                 JsonKind(value));
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, member] : value.items()) {
    if (!member.is_string()) {
      return Error(where, "%s: %s is %s, expected a string", kMetadata,
                   Quoted(key), JsonKind(member));
    }
    metadata.emplace(key, member.get<std::string>());
  }
  return metadata;
}

// The tensors must fill the data, each byte once.
absl::Status CheckCoverage(const std::vector<StoredTensor>& tensors,
                           int64_t data_bytes, std::string_view where) {
  std::vector<const StoredTensor*> by_place;
  for (const StoredTensor& tensor : tensors) by_place.push_back(&tensor);
  std::sort(by_place.begin(), by_place.end(),
            [](const StoredTensor* a, const StoredTensor* b) {
              return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
            });
  int64_t covered = 0;
  const StoredTensor* before = nullptr;
  for (const StoredTensor* tensor : by_place) {
    if (tensor->begin < covered) {
      return Error(where, "tensors %s and %s overlap: byte %d of the data",
                   Quoted(before->name), Quoted(tensor->name), tensor->begin);
    }
    if (tensor->begin > covered) {
      return Error(where,
                   "bytes %d to %d of the data, before tensor %s, belong to "
                   "no tensor",
                   covered, tensor->begin, Quoted(tensor->name));
    }
    covered = tensor->end;
    before = tensor;
  }
  if (covered != data_bytes) {
    return Error(where,
                 "%d bytes of data, expected %d: the rest belongs to no tensor",
                 data_bytes, covered);
  }
  return absl::OkStatus();
}

// "[3,17]" of element 785 in [4,256].
std::string IndexString(int64_t element, const Shape& shape) {
  Shape index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = element % shape[i];
    element /= shape[i];
  }
  return ShapeString(index);
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view text, int64_t data_bytes, std::string_view where) {
  const std::string place = absl::StrFormat("%s: header", where);
  if (text.empty() || text[0] != '{') {
    return Error(place, "does not begin with '{'");
  }
  ASSIGN_OR_RETURN(const json root, ParseJson(text, place));
  SafetensorsHeader header;
  // nlohmann's objects are ordered by key.
  for (const auto& [name, value] : root.items()) {
    if (name == kMetadata) {
      ASSIGN_OR_RETURN(header.metadata, ParseMetadata(value, where));
      continue;
    }
    if (name.empty()) return Error(where, "a tensor has no name");
    if (name.size() > kMaxNameBytes) {
      return Error(where, "tensor %s: name of %d bytes, expected at most %d",
                   Quoted(name), name.size(), kMaxNameBytes);
    }
    auto tensor = ParseTensor(value, data_bytes);
    if (!tensor.ok()) {
      return Error(where, "tensor %s: %s", Quoted(name),
                   tensor.status().message());
    }
    tensor->name = name;
    header.tensors.push_back(*std::move(tensor));
  }
  RETURN_IF_ERROR(CheckCoverage(header.tensors, data_bytes, where));
  return header;
}

absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(
    const File& file, std::string_view where) {
  char prefix[8];
  constexpr int64_t kPrefix = sizeof(prefix);
  if (file.size() < kPrefix) {
    return Error(where, "%d bytes, expected at least %d", file.size(), kPrefix);
  }
  RETURN_IF_ERROR(file.ReadAt(0, prefix));
  uint64_t header_bytes;
  std::memcpy(&header_bytes, prefix, kPrefix);
  if (header_bytes > static_cast<uint64_t>(file.size() - kPrefix)) {
    return Error(where, "header of %d bytes, but %d bytes are left in the file",
                 header_bytes, file.size() - kPrefix);
  }
  if (header_bytes > kMaxHeaderBytes) {
    return Error(where, "header of %d bytes, expected at most %d", header_bytes,
                 kMaxHeaderBytes);
  }
  std::string text(header_bytes, '\0');
  RETURN_IF_ERROR(file.ReadAt(kPrefix, std::span<char>(text)));
  const int64_t data_begin = kPrefix + static_cast<int64_t>(header_bytes);
  ASSIGN_OR_RETURN(
      SafetensorsHeader header,
      ParseSafetensorsHeader(text, file.size() - data_begin, where));
  header.data_begin = data_begin;
  return header;
}

absl::StatusOr<Tensor> ReadTensor(const File& file,
                                  const SafetensorsHeader& header,
                                  const StoredTensor& stored,
                                  std::string_view where) {
  constexpr int64_t kPiece = 1 << 16;  // elements
  const int64_t width = stored.dtype.bits / 8;
  Tensor tensor{.shape = stored.shape};
  std::vector<char> bytes;
  try {
    tensor.values.resize(stored.elements);
    bytes.resize(std::min(kPiece, stored.elements) * width);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: tensor %s: no memory for %d numbers", where,
                        Quoted(stored.name), stored.elements));
  }
  for (int64_t done = 0; done < stored.elements; done += kPiece) {
    const int64_t count = std::min(kPiece, stored.elements - done);
    const std::span<char> piece = std::span(bytes).first(count * width);
    const std::span<float> values =
        std::span(tensor.values).subspan(done, count);
    RETURN_IF_ERROR(
        file.ReadAt(header.data_begin + stored.begin + done * width, piece));
    ToFloat32(stored.dtype.dtype, piece, values);
    const auto bad = std::find_if_not(values.begin(), values.end(),
                                      [](float x) { return std::isfinite(x); });
    if (bad != values.end()) {
      return Error(where, "tensor %s: element %s is %g in float32, not finite",
                   Quoted(stored.name),
                   IndexString(done + (bad - values.begin()), stored.shape),
                   *bad);
    }
  }
  return tensor;
}

}  // namespace unroll
