#include "core/format/zip_archive.h"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/base/utf8.h"

namespace unroll {
namespace {

// Some 60,000 entries. libzip takes up to about 7 times this.
constexpr uint64_t kMaxDirectoryBytes = 4 << 20;

template <typename Number>
Number Load(std::string_view bytes, size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

// libzip looks for the end of the directory in the last 64 KiB, follows each
// that it finds and takes memory for what it says. So there must be one, at the
// end of the file, and its directory must be small. Layouts: sections 4.3.14 to
// 4.3.16 of PKWARE's APPNOTE.
absl::Status CheckEnd(const File& file, std::string_view where) {
  constexpr int64_t kEnd = 22;
  constexpr int64_t kLocator = 20;  // right before it if there is one
  constexpr int64_t kEnd64 = 56;    // where the locator says
  if (file.size() < kEnd) {
    return InvalidAt(where, "%d bytes, expected a zip archive, of at least %d",
                     file.size(), kEnd);
  }
  std::string tail(std::min<int64_t>(file.size(), (1 << 16) + kEnd + kLocator),
                   '\0');
  RETURN_IF_ERROR(
      file.ReadAt(file.size() - static_cast<int64_t>(tail.size()), tail));
  const size_t end = tail.size() - kEnd;
  if (tail.find("PK\5\6") != end) {
    return InvalidAt(
        where, "not a zip archive, cut short, or with bytes behind its end");
  }
  uint64_t directory_bytes = Load<uint32_t>(tail, end + 12);
  if (end >= kLocator && tail.compare(end - kLocator, 4, "PK\6\7") == 0) {
    const uint64_t at = Load<uint64_t>(tail, end - kLocator + 8);
    const auto size = static_cast<uint64_t>(file.size());
    if (at > size || size - at < kEnd64) {
      return InvalidAt(where, "zip64: end of the directory at byte %d of %d",
                       at, file.size());
    }
    std::string end64(kEnd64, '\0');
    RETURN_IF_ERROR(file.ReadAt(static_cast<int64_t>(at), end64));
    directory_bytes = Load<uint64_t>(end64, 40);
  }
  if (directory_bytes > kMaxDirectoryBytes) {
    return InvalidAt(where, "zip directory of %d bytes, expected at most %d",
                     directory_bytes, kMaxDirectoryBytes);
  }
  return absl::OkStatus();
}

// Nothing is written by these names; but who made such a file means no good.
bool IsSafeName(std::string_view name) {
  const std::string framed = absl::StrFormat("/%s/", name);
  return !name.empty() && name[0] != '/' &&
         framed.find("/../") == std::string::npos &&
         name.find('\\') == std::string_view::npos && !FindInvalidUtf8(name);
}

}  // namespace

// What libzip holds, and the File that it reads through.
struct ZipArchive::Libzip {
  explicit Libzip(File opened) : file(std::move(opened)) {}
  ~Libzip() {
    if (archive != nullptr) zip_discard(archive);
    zip_error_fini(&error);
  }

  static zip_int64_t Call(void* self, void* data, zip_uint64_t bytes,
                          zip_source_cmd_t command) {
    return static_cast<Libzip*>(self)->Call(static_cast<char*>(data), bytes,
                                            command);
  }
  zip_int64_t Call(char* data, zip_uint64_t bytes, zip_source_cmd_t command);

  // The status of what `failed`, a call of libzip's.
  absl::Status StatusOf(zip_error_t* failed, std::string_view what) const {
    if (!file_status.ok()) return file_status;
    const std::string message =
        absl::StrFormat("%s: %s", what, zip_error_strerror(failed));
    return zip_error_code_zip(failed) == ZIP_ER_MEMORY
               ? absl::ResourceExhaustedError(message)
               : absl::InvalidArgumentError(message);
  }

  const File file;
  int64_t position = 0;
  absl::Status file_status;  // why a read failed
  zip_error_t error = {};    // the same for libzip
  zip_t* archive = nullptr;
};

zip_int64_t ZipArchive::Libzip::Call(char* data, zip_uint64_t bytes,
                                     zip_source_cmd_t command) {
  switch (command) {
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    case ZIP_SOURCE_OPEN:
      position = 0;
      return 0;
    case ZIP_SOURCE_READ: {
      const auto count =
          std::min(bytes, static_cast<zip_uint64_t>(file.size() - position));
      file_status.Update(file.ReadAt(position, {data, count}));
      if (!file_status.ok()) {
        zip_error_set(&error, ZIP_ER_READ, 0);
        return -1;
      }
      position += static_cast<int64_t>(count);
      return static_cast<zip_int64_t>(count);
    }
    case ZIP_SOURCE_SEEK: {
      const zip_int64_t to = zip_source_seek_compute_offset(
          static_cast<zip_uint64_t>(position),
          static_cast<zip_uint64_t>(file.size()), data, bytes, &error);
      if (to < 0) return -1;
      position = to;
      return 0;
    }
    case ZIP_SOURCE_TELL:
      return position;
    case ZIP_SOURCE_STAT: {
      auto* stat = reinterpret_cast<zip_stat_t*>(data);
      zip_stat_init(stat);
      stat->size = static_cast<zip_uint64_t>(file.size());
      stat->valid = ZIP_STAT_SIZE;
      return sizeof(*stat);
    }
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&error, data, bytes);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    default:
      zip_error_set(&error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

absl::StatusOr<std::unique_ptr<ZipArchive>> ZipArchive::Open(
    File file, std::string_view where) {
  RETURN_IF_ERROR(CheckEnd(file, where));
  std::unique_ptr<ZipArchive> archive(new ZipArchive(std::move(file), where));
  RETURN_IF_ERROR(archive->ReadDirectory());
  return archive;
}

ZipArchive::ZipArchive(File file, std::string_view where)
    : where_(where), libzip_(std::make_unique<Libzip>(std::move(file))) {}

ZipArchive::~ZipArchive() = default;

absl::Status ZipArchive::ReadDirectory() {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source =
      zip_source_function_create(&Libzip::Call, libzip_.get(), &error);
  if (source != nullptr) {
    libzip_->archive =
        zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    if (libzip_->archive == nullptr) zip_source_free(source);
  }
  absl::Status status;
  if (libzip_->archive == nullptr) {
    status = zip_error_code_zip(&error) == ZIP_ER_EXISTS
                 ? InvalidAt(where_, "two entries have the same name")
                 : libzip_->StatusOf(&error, where_);
  }
  zip_error_fini(&error);
  RETURN_IF_ERROR(status);

  uint64_t left = static_cast<uint64_t>(libzip_->file.size());
  const zip_int64_t count = zip_get_num_entries(libzip_->archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t stat;
    if (zip_stat_index(libzip_->archive, index, ZIP_FL_ENC_RAW, &stat) != 0) {
      return libzip_->StatusOf(zip_get_error(libzip_->archive), where_);
    }
    const std::string name = stat.name == nullptr ? "" : stat.name;
    if (!IsSafeName(name)) {
      return InvalidAt(where_,
                       "entry %s: expected a relative name in UTF-8 without "
                       "\"..\" and backslashes",
                       Quoted(name));
    }
    const uint64_t size = std::max(stat.size, stat.comp_size);
    if (size > left) {
      return InvalidAt(
          where_,
          "entry %s: %d bytes, but all entries up to it leave %d of "
          "the file's %d",
          Quoted(name), size, left, libzip_->file.size());
    }
    left -= size;
    const bool stored = stat.comp_method == ZIP_CM_STORE &&
                        stat.encryption_method == ZIP_EM_NONE &&
                        stat.size == stat.comp_size;
    entries_[name] = {index, static_cast<int64_t>(stat.size), stored};
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::Stream(
    std::string_view name,
    const std::function<void(std::span<const char>)>& take) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return InvalidAt(where_, "entry %s is missing", Quoted(name));
  }
  const std::string what =
      absl::StrFormat("%s: entry %s", where_, Quoted(name));
  if (!found->second.stored) {
    return InvalidAt(what, "compressed or encrypted, expected it stored");
  }
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> opened(
      zip_fopen_index(libzip_->archive, found->second.index, 0), &zip_fclose);
  if (opened == nullptr) {
    return libzip_->StatusOf(zip_get_error(libzip_->archive), what);
  }
  std::vector<char> piece(1 << 16);
  for (int64_t left = found->second.size;;) {
    // After the last byte libzip compares the checksum.
    const zip_int64_t count =
        zip_fread(opened.get(), piece.data(), piece.size());
    if (count < 0) {
      return libzip_->StatusOf(zip_file_get_error(opened.get()), what);
    }
    left -= count;
    if (left < 0 || (count == 0 && left > 0)) {
      return InvalidAt(what, "not the %d bytes that it should have",
                       found->second.size);
    }
    if (count == 0) return absl::OkStatus();
    take(std::span(piece).first(static_cast<size_t>(count)));
  }
}

absl::StatusOr<std::string> ZipArchive::ReadAll(std::string_view name,
                                                int64_t max_bytes) const {
  std::string bytes;
  if (const auto found = entries_.find(name); found != entries_.end()) {
    if (found->second.size > max_bytes) {
      return InvalidAt(where_, "entry %s: %d bytes, expected at most %d",
                       Quoted(name), found->second.size, max_bytes);
    }
    bytes.reserve(static_cast<size_t>(found->second.size));
  }
  RETURN_IF_ERROR(Stream(name, [&](std::span<const char> piece) {
    bytes.append(piece.begin(), piece.end());
  }));
  return bytes;
}

absl::Status ZipArchive::CheckBytes(std::string_view name) const {
  return Stream(name, [](std::span<const char>) {});
}

absl::Status ZipArchive::ReadAt(const Entry& entry, int64_t offset,
                                std::span<char> bytes) const {
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> opened(
      zip_fopen_index(libzip_->archive, entry.index, 0), &zip_fclose);
  if (opened == nullptr) {
    return libzip_->StatusOf(zip_get_error(libzip_->archive), where_);
  }
  if (zip_fseek(opened.get(), offset, SEEK_SET) != 0 ||
      zip_fread(opened.get(), bytes.data(), bytes.size()) !=
          static_cast<zip_int64_t>(bytes.size())) {
    return libzip_->StatusOf(zip_file_get_error(opened.get()), where_);
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::CheckUnchanged() const {
  return libzip_->file.CheckUnchanged();
}

}  // namespace unroll
