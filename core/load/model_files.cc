#include "core/load/model_files.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/files.h"
#include "core/base/invalid.h"
#include "core/base/text.h"

namespace unroll {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> WeightsIn(const std::string& directory) {
  std::vector<std::string> found;
  for (const std::string_view name : kWeightsFiles) {
    std::error_code ignored;
    if (fs::exists(fs::path(directory) / name, ignored)) {
      found.emplace_back(name);
    }
  }
  return found;
}

// What to do about a file that only has another name.
std::string Advice(const std::string& directory) {
  struct Other {
    std::string_view end;
    std::string_view advice;
  };
  constexpr Other kOthers[] = {
      {".safetensors", "rename it to model.safetensors"},
      {".pt", "rename it to model.pt"},
      {".pth", "rename it to model.pt"},
      {".bin", "rename it to model.pt"},
      {".ckpt", "rename it to model.pt"},
      {".onnx", "rename it to model.onnx"},
      {".keras", "write a folder from it with from_keras of tools/export.py"},
      {".h5", "write a folder from it with from_keras of tools/export.py"},
  };
  std::error_code error;
  for (fs::directory_iterator entry(directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    for (const Other& other : kOthers) {
      if (name != kExampleFile && name.ends_with(other.end)) {
        return absl::StrFormat("; there is %s: %s", Quoted(name), other.advice);
      }
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> FindWeightsFile(const std::string& directory) {
  std::vector<std::string> found = WeightsIn(directory);
  if (found.size() == 1) return std::move(found[0]);
  if (found.empty()) {
    return absl::NotFoundError(absl::StrFormat("no %s in %s%s", kAnyWeightsFile,
                                               directory, Advice(directory)));
  }
  return InvalidAt(directory, "%s, expected one of them",
                   absl::StrJoin(found, " and "));
}

bool HoldsWeights(const std::string& directory) {
  return !WeightsIn(directory).empty();
}

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
