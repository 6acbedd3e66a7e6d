#include "core/load/model_files.h"

#include "absl/strings/str_cat.h"
#include "core/base/files.h"

namespace unroll {

absl::StatusOr<std::optional<std::string>> ReadModelFile(
    const ModelPath& path, const std::string& name, int64_t max_bytes) {
  for (const std::string* directory :
       {&path.directory, &path.model_directory}) {
    auto text = ReadFile(absl::StrCat(*directory, "/", name), max_bytes);
    if (text.ok()) return *std::move(text);
    if (!absl::IsNotFound(text.status())) return std::move(text).status();
  }
  return std::nullopt;
}

}  // namespace unroll
