#ifndef UNROLL_TESTS_SUPPORT_TEMP_DIRECTORY_H_
#define UNROLL_TESTS_SUPPORT_TEMP_DIRECTORY_H_

#include <filesystem>
#include <string>
#include <string_view>

namespace unroll::testing {

// A new empty directory that goes away with this object.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(std::string_view name) const {
    return (path_ / name).string();
  }

  // Writes a file, with the directories that it needs. Its path.
  std::string Write(std::string_view name, std::string_view bytes) const;
  // Makes a directory, with those above it. Its path.
  std::string MakeDirectory(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_TEMP_DIRECTORY_H_
