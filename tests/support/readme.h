#ifndef UNROLL_TESTS_SUPPORT_README_H_
#define UNROLL_TESTS_SUPPORT_README_H_

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace unroll::testing {

// The blocks of ```sh in a section of README, one after the other.
inline std::string ShellOfReadme(const std::string& heading) {
  std::ifstream readme(absl::StrCat(UNROLL_SOURCE_DIR, "/README.md"));
  std::string shell;
  bool inside = false, block = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("#")) inside = line == heading;
    if (line.starts_with("```")) {
      block = inside && line == "```sh";
    } else if (block) {
      absl::StrAppend(&shell, line, "\n");
    }
  }
  return shell;
}

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_README_H_
