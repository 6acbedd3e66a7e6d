#include "client/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/array.h"
#include "client/npy_header.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

// Elements are copied as they lie in the file.
static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kVersionEnd = 8;     // magic, major, minor
constexpr size_t kLongestBegin = 12;  // with the header's size in version 2
constexpr size_t kMaxHeaderBytes = 1 << 20;

// The header's size takes two bytes in version 1, four in version 2.
size_t HeaderBegin(int major) { return kVersionEnd + (major == 1 ? 2 : 4); }

absl::Status Invalid(const std::string& name, const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", message));
}

// The little-endian number that `bytes` is.
size_t Number(std::string_view bytes) {
  size_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

// Where the data begins in a file of `size` bytes whose first are `bytes`, 12
// of them or all.
absl::StatusOr<uint64_t> DataBegin(std::string_view bytes, uint64_t size,
                                   const std::string& name) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return Invalid(
        name,
        absl::StrFormat("begins with \"%s\", expected \"\\x93NUMPY\": "
                        "not a .npy file",
                        absl::CHexEscape(std::string(bytes.substr(0, 6)))));
  }
  if (bytes.size() < kVersionEnd) {
    return Invalid(name,
                   absl::StrFormat("ends after %d bytes, in the header", size));
  }
  const int major = static_cast<unsigned char>(bytes[6]);
  const int minor = static_cast<unsigned char>(bytes[7]);
  if ((major != 1 && major != 2) || minor != 0) {
    return Invalid(name, absl::StrFormat("format version %d.%d, expected 1.0 "
                                         "or 2.0",
                                         major, minor));
  }
  const size_t header_begin = HeaderBegin(major);
  const size_t length =
      bytes.size() < header_begin
          ? 0
          : Number(bytes.substr(kVersionEnd, header_begin - kVersionEnd));
  if (size < header_begin + length) {
    return Invalid(name, absl::StrFormat("ends after %d bytes, in the header "
                                         "(expected %d)",
                                         size, header_begin + length));
  }
  if (length > kMaxHeaderBytes) {
    return Invalid(name, absl::StrFormat("header of %d bytes, expected at most "
                                         "%d",
                                         length, kMaxHeaderBytes));
  }
  return header_begin + length;
}

using Values = decltype(NpyArray::values);

// The bytes' elements, of type Stored, as the wider or rounded type Value.
// Messages go without the file's name.
template <typename Stored, typename Value>
absl::StatusOr<Values> Elements(std::string_view bytes) {
  std::vector<Value> values(bytes.size() / sizeof(Stored));
  if (values.empty()) return values;
  if constexpr (std::is_same_v<Stored, Value>) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    if constexpr (std::is_same_v<Value, float>) {
      const std::optional<float> rounded = ToFloat(stored);
      if (!rounded) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "element %d in C order is %g, past float32's range", i, stored));
      }
      values[i] = *rounded;
    } else {
      values[i] = static_cast<Value>(stored);
    }
  }
  return values;
}

struct Dtype {
  std::string_view descr;
  size_t bytes;  // of one element
  absl::StatusOr<Values> (*read)(std::string_view);
};

template <typename Stored, typename Value>
constexpr Dtype MakeDtype(std::string_view descr) {
  return {descr, sizeof(Stored), &Elements<Stored, Value>};
}

constexpr Dtype kDtypes[] = {
    MakeDtype<float, float>("<f4"),
    MakeDtype<double, float>("<f8"),
    MakeDtype<int64_t, int64_t>("<i8"),
    MakeDtype<int32_t, int64_t>("<i4"),
};

const Dtype* FindDtype(std::string_view descr) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.descr == descr) return &dtype;
  }
  return nullptr;
}

// What the header says of the data.
struct Layout {
  std::vector<int64_t> shape;
  const Dtype* dtype = nullptr;
};

// Reads the header, which is to suit so many bytes of data. `bytes`: all before
// the data.
absl::StatusOr<Layout> ParseLayout(std::string_view bytes, uint64_t data_bytes,
                                   const std::string& name) {
  absl::StatusOr<NpyHeader> header =
      ParseNpyHeader(bytes.substr(HeaderBegin(bytes[6])));
  if (!header.ok()) {
    return Invalid(name, std::string(header.status().message()));
  }
  const Dtype* dtype = FindDtype(header->descr);
  if (dtype == nullptr) {
    return Invalid(
        name, absl::StrFormat("dtype \"%s\", expected <f4, <f8, <i4 or <i8: "
                              "save array.astype(\"float32\") or "
                              "array.astype(\"int64\")",
                              absl::CHexEscape(header->descr)));
  }
  if (header->fortran_order) {
    return Invalid(name,
                   "Fortran order, expected C order: save "
                   "numpy.ascontiguousarray(array)");
  }
  const std::optional<int64_t> count = ElementCount(header->shape);
  if (!count || data_bytes % dtype->bytes != 0 ||
      data_bytes / dtype->bytes != static_cast<uint64_t>(*count)) {
    return Invalid(name, absl::StrFormat(
                             "%d bytes of data, expected %s for shape %s of %s",
                             data_bytes,
                             count ? absl::StrCat(*count, " * ", dtype->bytes)
                                   : "fewer than 2^63 elements",
                             ShapeString(header->shape), header->descr));
  }
  return Layout{std::move(header->shape), dtype};
}

absl::StatusOr<NpyArray> ParseData(Layout layout, std::string_view data,
                                   const std::string& name) {
  absl::StatusOr<Values> values = layout.dtype->read(data);
  if (!values.ok()) {
    return Invalid(name, std::string(values.status().message()));
  }
  return NpyArray{std::move(layout.shape), *std::move(values)};
}

// So many bytes of the file from where it stands.
absl::StatusOr<std::string> ReadBytes(std::ifstream& file, uint64_t count,
                                      const std::string& path) {
  std::string bytes(count, '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(count))) {
    return Invalid(path, "cannot be read to its end");
  }
  return bytes;
}

}  // namespace

absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes,
                                  const std::string& name) {
  ASSIGN_OR_RETURN(
      const uint64_t begin,
      DataBegin(bytes.substr(0, kLongestBegin), bytes.size(), name));
  ASSIGN_OR_RETURN(Layout layout, ParseLayout(bytes.substr(0, begin),
                                              bytes.size() - begin, name));
  return ParseData(std::move(layout), bytes.substr(begin), name);
}

absl::StatusOr<NpyArray> ReadNpy(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status =
      std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return absl::NotFoundError(path + ": no such file");
  }
  // A pipe or a device has no size to check against.
  if (status.type() != std::filesystem::file_type::regular) {
    return Invalid(path, "not a regular file");
  }
  const uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return Invalid(path, "cannot be opened for reading");
  // Memory for the data is taken only once the header says that it is that.
  ASSIGN_OR_RETURN(
      std::string bytes,
      ReadBytes(file, std::min<uint64_t>(size, kLongestBegin), path));
  ASSIGN_OR_RETURN(const uint64_t begin, DataBegin(bytes, size, path));
  file.seekg(0);
  ASSIGN_OR_RETURN(bytes, ReadBytes(file, begin, path));
  ASSIGN_OR_RETURN(Layout layout, ParseLayout(bytes, size - begin, path));
  ASSIGN_OR_RETURN(bytes, ReadBytes(file, size - begin, path));
  return ParseData(std::move(layout), bytes, path);
}

std::string SerializeNpy(const NpyArray& array) {
  const bool is_float =
      std::holds_alternative<std::vector<float>>(array.values);
  std::string header = absl::StrCat("{'descr': '", is_float ? "<f4" : "<i8",
                                    "', 'fortran_order': False, 'shape': (",
                                    absl::StrJoin(array.shape, ", "),
                                    array.shape.size() == 1 ? "," : "", "), }");
  // numpy aligns the data to 64 bytes and ends the header with a newline.
  const size_t header_begin = kVersionEnd + 2;
  while ((header_begin + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\1', '\0', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  bytes += header;
  std::visit(
      [&](const auto& values) {
        if (values.empty()) return;
        bytes.append(reinterpret_cast<const char*>(values.data()),
                     values.size() * sizeof(values[0]));
      },
      array.values);
  return bytes;
}

absl::Status WriteNpy(const std::string& path, const NpyArray& array) {
  const std::string bytes = SerializeNpy(array);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return absl::UnknownError(path + ": cannot be written");
  return absl::OkStatus();
}

}  // namespace unroll::client
