#include "core/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace unroll {
namespace {

int64_t Modified(const struct stat& status) {
  return int64_t{status.st_mtim.tv_sec} * 1'000'000'000 +
         status.st_mtim.tv_nsec;
}

}  // namespace

absl::StatusOr<File> File::Open(const std::string& path) {
  File file;
  file.path_ = path;
  // Not blocking: opening a pipe that nobody writes would wait for ever.
  file.descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor_ < 0) return absl::ErrnoToStatus(errno, path);
  struct stat status;
  if (fstat(file.descriptor_, &status) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file"));
  }
  file.size_ = status.st_size;
  file.modified_ = Modified(status);
  return file;
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      modified_(other.modified_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(modified_, other.modified_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status File::ReadAt(int64_t offset, std::span<char> bytes) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        pread(descriptor_, bytes.data() + done, bytes.size() - done,
              offset + static_cast<int64_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, path_);
    if (count == 0) {
      return absl::AbortedError(absl::StrCat(
          path_, ": ends at byte ", offset + static_cast<int64_t>(done),
          ", expected ", size_, ": it changed while it was read"));
    }
    done += count;
  }
  return absl::OkStatus();
}

absl::Status File::CheckUnchanged() const {
  struct stat status;
  if (fstat(descriptor_, &status) != 0) {
    return absl::ErrnoToStatus(errno, path_);
  }
  if (status.st_size != size_ || Modified(status) != modified_) {
    return absl::AbortedError(
        absl::StrCat(path_, ": changed while it was read"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t max_bytes) {
  ASSIGN_OR_RETURN(File file, File::Open(path));
  if (file.size() > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        path, ": ", file.size(), " bytes, expected at most ", max_bytes));
  }
  std::string bytes;
  try {
    bytes.resize(file.size());
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": no memory for ", file.size(), " bytes"));
  }
  RETURN_IF_ERROR(file.ReadAt(0, std::span<char>(bytes)));
  RETURN_IF_ERROR(file.CheckUnchanged());
  return bytes;
}

}  // namespace unroll
