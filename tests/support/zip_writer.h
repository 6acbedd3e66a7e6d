#ifndef UNROLL_TESTS_SUPPORT_ZIP_WRITER_H_
#define UNROLL_TESTS_SUPPORT_ZIP_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::testing {

// What a zip archive says of an entry, right or wrong.
struct ZipEntry {
  std::string name;
  std::string bytes;
  uint16_t flags = 0;                     // 1: encrypted
  uint16_t method = 0;                    // 8: deflated
  std::optional<uint32_t> checksum = {};  // nothing: that of `bytes`
  std::optional<uint32_t> size = {};      // unpacked; nothing: that of `bytes`
  std::optional<std::string> local_name = {};  // before the bytes
};

// The archive: entries one behind the other, the directory, its end.
std::string ZipBytes(const std::vector<ZipEntry>& entries);

// A checkpoint: an archive of m/data.pkl and of storages, m/data/0 and so on.
std::string PytorchBytes(std::string_view pickle,
                         const std::vector<std::string>& storages);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_ZIP_WRITER_H_
