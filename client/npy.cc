#include "client/npy.h"

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
constexpr size_t kVersionEnd = 8;  // magic, major, minor

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

// Cuts the header's text off the front of `bytes`.
absl::StatusOr<std::string_view> TakeHeader(std::string_view& bytes,
                                            const std::string& name) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return Invalid(
        name,
        absl::StrFormat("begins with \"%s\", expected \"\\x93NUMPY\": "
                        "not a .npy file",
                        absl::CHexEscape(std::string(bytes.substr(0, 6)))));
  }
  if (bytes.size() < kVersionEnd) {
    return Invalid(name, absl::StrFormat("ends after %d bytes, in the header",
                                         bytes.size()));
  }
  const int major = static_cast<unsigned char>(bytes[6]);
  const int minor = static_cast<unsigned char>(bytes[7]);
  if ((major != 1 && major != 2) || minor != 0) {
    return Invalid(name, absl::StrFormat("format version %d.%d, expected 1.0 "
                                         "or 2.0",
                                         major, minor));
  }
  const size_t header_begin = kVersionEnd + (major == 1 ? 2 : 4);
  const size_t length =
      bytes.size() < header_begin
          ? 0
          : Number(bytes.substr(kVersionEnd, header_begin - kVersionEnd));
  if (bytes.size() < header_begin || length > bytes.size() - header_begin) {
    return Invalid(name, absl::StrFormat("ends after %d bytes, in the header "
                                         "(expected %d)",
                                         bytes.size(), header_begin + length));
  }
  const std::string_view header = bytes.substr(header_begin, length);
  bytes.remove_prefix(header_begin + length);
  return header;
}

// The bytes' elements, of type Stored, as the wider or rounded type Value.
template <typename Stored, typename Value>
std::vector<Value> Elements(std::string_view bytes) {
  std::vector<Value> values(bytes.size() / sizeof(Stored));
  if (values.empty()) return values;
  if constexpr (std::is_same_v<Stored, Value>) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      Stored stored;
      std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
      values[i] = static_cast<Value>(stored);
    }
  }
  return values;
}

struct Dtype {
  std::string_view descr;
  size_t bytes;  // of one element
  decltype(NpyArray::values) (*read)(std::string_view);
};

template <typename Stored, typename Value>
constexpr Dtype MakeDtype(std::string_view descr) {
  return {descr, sizeof(Stored), [](std::string_view bytes) {
            return decltype(NpyArray::values)(Elements<Stored, Value>(bytes));
          }};
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

}  // namespace

absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes,
                                  const std::string& name) {
  ASSIGN_OR_RETURN(const std::string_view text, TakeHeader(bytes, name));
  absl::StatusOr<NpyHeader> header = ParseNpyHeader(text);
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
  if (!count || bytes.size() % dtype->bytes != 0 ||
      bytes.size() / dtype->bytes != static_cast<size_t>(*count)) {
    return Invalid(name, absl::StrFormat(
                             "%d bytes of data, expected %s for shape %s of %s",
                             bytes.size(),
                             count ? absl::StrCat(*count, " * ", dtype->bytes)
                                   : "fewer than 2^63 elements",
                             ShapeString(header->shape), header->descr));
  }
  return NpyArray{std::move(header->shape), dtype->read(bytes)};
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
  const uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return Invalid(path, "cannot be opened for reading");
  std::string bytes(size, '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return Invalid(path, "cannot be read to its end");
  }
  return ParseNpy(bytes, path);
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
