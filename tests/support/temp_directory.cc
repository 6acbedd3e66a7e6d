#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace unroll::testing {

namespace fs = std::filesystem;

TempDirectory::TempDirectory() {
  std::string name =
      (fs::temp_directory_path() / "unroll-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    ADD_FAILURE() << "cannot make a temporary directory " << name;
  }
  path_ = name;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempDirectory::Write(std::string_view name,
                                 std::string_view bytes) const {
  const fs::path file = path_ / name;
  fs::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  EXPECT_TRUE(stream.good()) << file;
  return file.string();
}

std::string TempDirectory::MakeDirectory(std::string_view name) const {
  fs::create_directories(path_ / name);
  return (path_ / name).string();
}

}  // namespace unroll::testing
