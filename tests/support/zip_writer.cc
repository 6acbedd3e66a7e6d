#include "tests/support/zip_writer.h"

#include "absl/strings/str_cat.h"

namespace unroll::testing {
namespace {

std::string Bytes(uint64_t number, size_t count) {
  return {reinterpret_cast<const char*>(&number), count};
}

uint32_t Checksum(std::string_view bytes) {
  uint32_t checksum = ~uint32_t{0};
  for (const char byte : bytes) {
    checksum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      checksum = checksum >> 1 ^ (checksum & 1 ? 0xEDB88320 : 0);
    }
  }
  return ~checksum;
}

// What local header and directory have in common, up to the name's length.
std::string Description(const ZipEntry& entry, std::string_view name) {
  return Bytes(20, 2) + Bytes(entry.flags, 2) + Bytes(entry.method, 2) +
         Bytes(0, 4) +  // time
         Bytes(entry.checksum.value_or(Checksum(entry.bytes)), 4) +
         Bytes(entry.bytes.size(), 4) +
         Bytes(entry.size.value_or(entry.bytes.size()), 4) +
         Bytes(name.size(), 2) + Bytes(0, 2);  // no extra fields
}

}  // namespace

std::string ZipBytes(const std::vector<ZipEntry>& entries) {
  std::string file, directory;
  for (const ZipEntry& entry : entries) {
    directory += "PK\1\2" + Bytes(20, 2) + Description(entry, entry.name) +
                 std::string(10, 0) + Bytes(file.size(), 4) + entry.name;
    const std::string local = entry.local_name.value_or(entry.name);
    file += "PK\3\4" + Description(entry, local) + local + entry.bytes;
  }
  const std::string end =
      Bytes(0, 4) + Bytes(entries.size(), 2) + Bytes(entries.size(), 2) +
      Bytes(directory.size(), 4) + Bytes(file.size(), 4) + Bytes(0, 2);
  return absl::StrCat(file, directory, "PK\5\6", end);
}

std::string PytorchBytes(std::string_view pickle,
                         const std::vector<std::string>& storages) {
  std::vector<ZipEntry> entries = {{"m/data.pkl", std::string(pickle)}};
  for (const std::string& storage : storages) {
    entries.push_back({absl::StrCat("m/data/", entries.size() - 1), storage});
  }
  return ZipBytes(entries);
}

}  // namespace unroll::testing
