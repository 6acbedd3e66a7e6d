#ifndef UNROLL_CORE_FORMAT_ZIP_ARCHIVE_H_
#define UNROLL_CORE_FORMAT_ZIP_ARCHIVE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/files.h"

namespace unroll {

// A zip archive open for reading, through libzip. Nothing is unpacked: entries
// can be read only if they are stored as they are, not compressed or encrypted.
// The sizes of all entries together are at most the file's, so that no entry
// claims memory that the file does not hold. One thread at a time.
class ZipArchive {
 public:
  struct Entry {
    uint64_t index = 0;  // for libzip
    int64_t size = 0;    // in bytes
    bool stored = true;  // neither compressed nor encrypted
  };

  // `where` names the file in messages.
  // INVALID_ARGUMENT: no zip archive, or one that does not agree with itself;
  // bytes behind its end; a directory of over 4 MiB; entries that are larger
  // than the file together; a name that is empty, absolute, with "..", a
  // backslash or bad UTF-8, or there twice. As File's errors besides.
  static absl::StatusOr<std::unique_ptr<ZipArchive>> Open(
      File file, std::string_view where);
  ~ZipArchive();

  // By name.
  const std::map<std::string, Entry, std::less<>>& entries() const {
    return entries_;
  }

  // All of an entry, its checksum compared.
  // INVALID_ARGUMENT, before memory is taken: it is not stored, or larger than
  // `max_bytes`; then: another checksum. As File's errors besides.
  absl::StatusOr<std::string> ReadAll(std::string_view name,
                                      int64_t max_bytes) const;
  // Compares an entry's checksum, reading all of it in pieces. As ReadAll.
  absl::Status CheckBytes(std::string_view name) const;
  // Fills `bytes` from `offset` of an entry on; looks at no checksum.
  // REQUIRES: the range is inside the entry, CheckBytes was OK.
  absl::Status ReadAt(const Entry& entry, int64_t offset,
                      std::span<char> bytes) const;

  // As File's.
  absl::Status CheckUnchanged() const;

 private:
  struct Libzip;

  ZipArchive(File file, std::string_view where);
  absl::Status ReadDirectory();
  absl::Status Stream(
      std::string_view name,
      const std::function<void(std::span<const char>)>& take) const;

  const std::string where_;
  const std::unique_ptr<Libzip> libzip_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ZIP_ARCHIVE_H_
