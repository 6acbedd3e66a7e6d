#ifndef UNROLL_CORE_BASE_FILES_H_
#define UNROLL_CORE_BASE_FILES_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace unroll {

// A regular file open for reading. It is read, never mapped: a mapped file that
// somebody cuts short would kill the process. Errors name the path. Movable;
// one thread at a time.
class File {
 public:
  // NOT_FOUND, PERMISSION_DENIED and the like, as the system says;
  // INVALID_ARGUMENT: a directory, pipe or device.
  static absl::StatusOr<File> Open(const std::string& path);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  // In bytes, when it was opened.
  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  // Fills `bytes` from `offset` on. ABORTED: the file ends before.
  absl::Status ReadAt(int64_t offset, std::span<char> bytes) const;

  // ABORTED: the file was written since it was opened, so that what was read
  // may be half old and half new.
  absl::Status CheckUnchanged() const;

 private:
  File() = default;

  std::string path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
  int64_t modified_ = 0;  // nanoseconds since the epoch
};

// All of a regular file. As File's errors, and RESOURCE_EXHAUSTED, before
// memory is taken: it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t max_bytes);

}  // namespace unroll

#endif  // UNROLL_CORE_BASE_FILES_H_
