#include "client/command/state_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/str_format.h"

namespace unroll::client {

absl::StatusOr<std::string> ReadStateFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string token{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %s", path, std::strerror(errno)));
  }
  if (token.empty()) {
    return absl::InvalidArgumentError(path + ": empty, expected a state token");
  }
  return token;
}

absl::StatusOr<std::string> WriteStateFile(const v1::SequenceResult& result,
                                           const std::string& path) {
  const std::string part = path + ".part";
  {
    std::ofstream file(part, std::ios::binary);
    file << result.state_token() << std::flush;
    if (!file) {
      return absl::UnknownError(absl::StrFormat("%s: cannot be written: %s",
                                                part, std::strerror(errno)));
    }
  }
  if (std::rename(part.c_str(), path.c_str()) != 0) {
    return absl::UnknownError(absl::StrFormat("%s: cannot be written: %s", path,
                                              std::strerror(errno)));
  }
  return absl::StrFormat("%s state after %d steps", path, result.steps_done());
}

}  // namespace unroll::client
