#include "core/format/safetensors.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/invalid.h"
#include "core/base/json.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {
namespace {

using nlohmann::json;

// A header of 4 MiB describes some 40,000 tensors. Parsed JSON takes up to
// about 20 times its text.
constexpr uint64_t kMaxHeaderBytes = 4 << 20;
constexpr std::string_view kMetadata = "__metadata__";

// A JSON value as a whole number of at least 0.
std::optional<int64_t> ToSize(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const uint64_t number = value.get<uint64_t>();
  if (number > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return std::nullopt;
  }
  return static_cast<int64_t>(number);
}

// A JSON array of at most so many such; `what` is for messages.
absl::StatusOr<std::vector<int64_t>> ToSizes(const json& value, size_t most,
                                             std::string_view what) {
  if (!value.is_array()) {
    return Invalid("%s is %s, expected an array", what, JsonKind(value));
  }
  if (value.size() > most) {
    return Invalid("%s has %d entries, expected at most %d", what, value.size(),
                   most);
  }
  std::vector<int64_t> sizes;
  for (const json& entry : value) {
    const auto size = ToSize(entry);
    if (!size) {
      return Invalid("%s entry %d is not a whole number from 0 to 2^63 - 1",
                     what, sizes.size());
    }
    sizes.push_back(*size);
  }
  return sizes;
}

// One member of the header. Messages go without file and tensor.
absl::StatusOr<PlacedTensor> ParseTensor(const json& value,
                                         int64_t data_bytes) {
  if (!value.is_object()) {
    return Invalid("is %s, expected an object", JsonKind(value));
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
      return Invalid("unknown key %s, expected dtype, shape, data_offsets",
                     Quoted(key));
    }
    *place = &member;
  }
  if (dtype == nullptr || shape == nullptr || offsets == nullptr) {
    return Invalid("%s is missing", dtype == nullptr   ? "dtype"
                                    : shape == nullptr ? "shape"
                                                       : "data_offsets");
  }
  if (!dtype->is_string()) {
    return Invalid("dtype is %s, expected a string", JsonKind(*dtype));
  }
  const auto info = FindDtype(dtype->get_ref<const std::string&>());
  if (!info) {
    return Invalid("unknown dtype %s",
                   Quoted(dtype->get_ref<const std::string&>()));
  }

  PlacedTensor tensor;
  tensor.dtype = *info;
  ASSIGN_OR_RETURN(tensor.shape, ToSizes(*shape, kMaxDimensions, "shape"));
  ASSIGN_OR_RETURN(const std::vector<int64_t> range,
                   ToSizes(*offsets, 2, "data_offsets"));
  if (range.size() != 2) {
    return Invalid("data_offsets has %d entries, expected 2", range.size());
  }
  tensor.begin = range[0];
  tensor.end = range[1];
  if (tensor.begin > tensor.end || tensor.end > data_bytes) {
    return Invalid(
        "data_offsets %s, expected a range in the file's %d bytes of data",
        ShapeString(range), data_bytes);
  }
  const auto elements = CheckedElements(tensor.shape);
  const auto bits =
      elements ? CheckedMultiply(*elements, info->bits) : std::nullopt;
  if (!bits) {
    return Invalid("shape %s is too large", ShapeString(tensor.shape));
  }
  if (*bits % 8 != 0 || *bits / 8 != tensor.end - tensor.begin) {
    return Invalid("data_offsets %s are %d bytes, expected %d for %s %s",
                   ShapeString(range), tensor.end - tensor.begin,
                   (*bits + 7) / 8, info->name, ShapeString(tensor.shape));
  }
  tensor.elements = *elements;
  return tensor;
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(
    const json& value, std::string_view where) {
  if (!value.is_object()) {
    return InvalidAt(where, "%s is %s, expected an object", kMetadata,
                     JsonKind(value));
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, member] : value.items()) {
    if (!member.is_string()) {
      return InvalidAt(where, "%s: %s is %s, expected a string", kMetadata,
                       Quoted(key), JsonKind(member));
    }
    metadata.emplace(key, member.get<std::string>());
  }
  return metadata;
}

// The tensors must fill the data, each byte once.
absl::Status CheckCoverage(const std::vector<PlacedTensor>& tensors,
                           int64_t data_bytes, std::string_view where) {
  std::vector<const PlacedTensor*> by_place;
  for (const PlacedTensor& tensor : tensors) by_place.push_back(&tensor);
  std::sort(by_place.begin(), by_place.end(),
            [](const PlacedTensor* a, const PlacedTensor* b) {
              return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
            });
  int64_t covered = 0;
  const PlacedTensor* before = nullptr;
  for (const PlacedTensor* tensor : by_place) {
    if (tensor->begin < covered) {
      return InvalidAt(where, "tensors %s and %s overlap: byte %d of the data",
                       Quoted(before->name), Quoted(tensor->name),
                       tensor->begin);
    }
    if (tensor->begin > covered) {
      return InvalidAt(
          where,
          "bytes %d to %d of the data, before tensor %s, belong to "
          "no tensor",
          covered, tensor->begin, Quoted(tensor->name));
    }
    covered = tensor->end;
    before = tensor;
  }
  if (covered != data_bytes) {
    return InvalidAt(
        where, "%d bytes of data, expected %d: the rest belongs to no tensor",
        data_bytes, covered);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view text, int64_t data_bytes, std::string_view where) {
  const std::string place = absl::StrFormat("%s: header", where);
  if (text.empty() || text[0] != '{') {
    return InvalidAt(place, "does not begin with '{'");
  }
  ASSIGN_OR_RETURN(const json root, ParseJson(text, place));
  SafetensorsHeader header;
  // nlohmann's objects are ordered by key.
  for (const auto& [name, value] : root.items()) {
    if (name == kMetadata) {
      ASSIGN_OR_RETURN(header.metadata, ParseMetadata(value, where));
      continue;
    }
    if (name.empty()) return InvalidAt(where, "a tensor has no name");
    if (name.size() > kMaxTensorNameBytes) {
      return InvalidAt(where,
                       "tensor %s: name of %d bytes, expected at most %d",
                       Quoted(name), name.size(), kMaxTensorNameBytes);
    }
    auto tensor = ParseTensor(value, data_bytes);
    if (!tensor.ok()) {
      return InvalidAt(where, "tensor %s: %s", Quoted(name),
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
    return InvalidAt(where, "%d bytes, expected at least %d", file.size(),
                     kPrefix);
  }
  RETURN_IF_ERROR(file.ReadAt(0, prefix));
  uint64_t header_bytes;
  std::memcpy(&header_bytes, prefix, kPrefix);
  if (header_bytes > static_cast<uint64_t>(file.size() - kPrefix)) {
    return InvalidAt(where,
                     "header of %d bytes, but %d bytes are left in the file",
                     header_bytes, file.size() - kPrefix);
  }
  if (header_bytes > kMaxHeaderBytes) {
    return InvalidAt(where, "header of %d bytes, expected at most %d",
                     header_bytes, kMaxHeaderBytes);
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

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(
    File file, std::string_view where) {
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   ReadSafetensorsHeader(file, where));
  return std::unique_ptr<SafetensorsFile>(
      new SafetensorsFile(std::move(file), std::move(header), where));
}

SafetensorsFile::SafetensorsFile(File file, SafetensorsHeader header,
                                 std::string_view where)
    : file_(std::move(file)), where_(where), data_begin_(header.data_begin) {
  for (PlacedTensor& tensor : header.tensors) {
    begins_.emplace(tensor.name, tensor.begin);
    tensors_.push_back(std::move(tensor));
  }
  std::vector<StoredTensor> tied;
  for (const auto& [dropped, written] : header.metadata) {
    const StoredTensor* stored = Find(written);
    if (stored == nullptr || Find(dropped) != nullptr) continue;
    tied.push_back(*stored);
    tied.back().name = dropped;
    begins_.emplace(dropped, begins_.find(written)->second);
  }
  std::move(tied.begin(), tied.end(), std::back_inserter(tensors_));
  std::sort(tensors_.begin(), tensors_.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  metadata_ = std::move(header.metadata);
}

ReadElements SafetensorsFile::Elements(const StoredTensor& stored) const {
  const int64_t begin = data_begin_ + begins_.find(stored.name)->second;
  const int64_t width = stored.dtype.bits / 8;
  return [this, begin, width](int64_t first, std::span<char> bytes) {
    return file_.ReadAt(begin + first * width, bytes);
  };
}

absl::StatusOr<Tensor> SafetensorsFile::Read(const StoredTensor& stored) const {
  return ReadFloats(stored, Elements(stored), where_);
}

absl::StatusOr<std::vector<int64_t>> SafetensorsFile::ReadIntegers(
    const StoredTensor& stored) const {
  const auto read = [&]<typename Integer>(Integer) {
    std::vector<Integer> values(stored.elements);
    const absl::Status status =
        Elements(stored)(0, {reinterpret_cast<char*>(values.data()),
                             values.size() * sizeof(Integer)});
    return status.ok() ? absl::StatusOr<std::vector<int64_t>>(
                             std::vector<int64_t>(values.begin(), values.end()))
                       : status;
  };
  if (stored.dtype.name == "I64") return read(int64_t{});
  if (stored.dtype.name == "I32") return read(int32_t{});
  return InvalidAt(where_, "tensor %s: dtype %s, expected I64 or I32",
                   Quoted(stored.name), stored.dtype.name);
}

absl::Status SafetensorsFile::CheckUnchanged() const {
  return file_.CheckUnchanged();
}

}  // namespace unroll
