#include "core/load/repository.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/load/model_files.h"

namespace unroll {
namespace {

namespace fs = std::filesystem;

// The names of the folders in `directory`, in order; links are followed, and
// broken ones passed over like files.
absl::StatusOr<std::vector<std::string>> ListFolders(
    const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  std::vector<std::string> names;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name[0] != '.' && fs::is_directory(entry->path(), ignored)) {
      names.push_back(name);
    }
  }
  if (error == std::errc::not_a_directory) {
    return absl::NotFoundError(
        absl::StrFormat("%s: not a directory", directory.string()));
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), directory.string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsModelName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

// "3", but also "v3" and "3.1", which somebody may have meant as versions.
bool LooksLikeVersion(std::string_view name) {
  if (name.size() > 1 && absl::ascii_tolower(name[0]) == 'v') {
    name.remove_prefix(1);
  }
  return absl::ascii_isdigit(name[0]);
}

// The version folders of a model, by version. None where the model's folder
// cannot be listed: loading it says so, and the other models are served.
absl::StatusOr<std::map<int64_t, std::string>> ListVersions(
    const fs::path& model) {
  const auto folders = ListFolders(model);
  std::map<int64_t, std::string> versions;
  if (!folders.ok()) return versions;
  for (const std::string& folder : *folders) {
    if (!LooksLikeVersion(folder)) continue;
    int64_t version = 0;
    if (!std::all_of(folder.begin(), folder.end(), absl::ascii_isdigit) ||
        !absl::SimpleAtoi(folder, &version) || version < 1) {
      if (!HoldsWeights(model / folder)) continue;
      return Invalid(
          "%s: version folder %s, expected a whole number from 1 to 2^63 - 1",
          model.string(), Quoted(folder));
    }
    const auto [first, added] = versions.emplace(version, folder);
    if (!added) {
      return Invalid("%s: folders %s and %s are both version %d",
                     model.string(), Quoted(first->second), Quoted(folder),
                     version);
    }
  }
  return versions;
}

// All versions of one model, highest first.
absl::StatusOr<std::vector<ModelPath>> ListModel(const fs::path& root,
                                                 const std::string& name) {
  if (!IsModelName(name)) {
    return Invalid(
        "%s: model folder %s, expected only letters, digits, '.', '_', '-'",
        root.string(), Quoted(name));
  }
  const fs::path model = root / name;
  ASSIGN_OR_RETURN(const auto versions, ListVersions(model));
  if (HoldsWeights(model) && !versions.empty()) {
    return Invalid(
        "%s: weights and version folder %s, expected one or the other",
        model.string(), Quoted(versions.begin()->second));
  }
  std::vector<ModelPath> paths;
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    paths.push_back({.name = name,
                     .version = it->first,
                     .directory = (model / it->second).string(),
                     .model_directory = model.string()});
  }
  if (versions.empty()) {
    paths.push_back({.name = name,
                     .version = 1,
                     .directory = model.string(),
                     .model_directory = model.string()});
  }
  return paths;
}

// A name for lists and messages, UTF-8 as gRPC wants it. Names that differ
// differ as listed, too.
std::string ListedName(const std::string& folder) {
  constexpr size_t kMostBytes = 4096;  // no file's name is as long
  return Printable(absl::StrReplaceAll(folder, {{"\\", "\\\\"}}), kMostBytes);
}

}  // namespace

absl::StatusOr<std::vector<ModelPath>> ListRepository(
    const std::string& directory) {
  const fs::path root = directory;
  if (HoldsWeights(root)) {
    return InvalidAt(
        directory,
        "holds weights itself; give its parent, so that this folder is a "
        "model");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolders(root));
  std::vector<ModelPath> paths;
  absl::Status error;
  bool usable = false;
  for (const std::string& name : names) {
    if (name == "lost+found") continue;  // at the top of ext4 volumes
    auto listed = ListModel(root, name);
    if (listed.ok()) {
      usable = true;
      std::move(listed->begin(), listed->end(), std::back_inserter(paths));
      continue;
    }
    error.Update(listed.status());  // keeps the first
    const std::string model = (root / name).string();
    paths.push_back({.name = ListedName(name),
                     .version = 1,
                     .directory = model,
                     .model_directory = model,
                     .error = listed.status()});
  }
  if (!usable) {
    return absl::NotFoundError(absl::StrFormat(
        "%s: no models, expected folders <model>/<version>/ with %s%s%s",
        directory, kAnyWeightsFile, error.ok() ? "" : "; ", error.message()));
  }
  return paths;
}

absl::StatusOr<std::vector<ModelPath>> FindModels(const std::string& path) {
  std::error_code error;
  const fs::path found = fs::canonical(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), path);
  const std::string name = ListedName(found.filename().string());
  if (!fs::is_directory(found, error)) {
    const std::string directory = found.parent_path().string();
    return std::vector<ModelPath>{{.name = name,
                                   .version = 1,
                                   .directory = directory,
                                   .model_directory = directory,
                                   .weights_file = found.filename().string()}};
  }
  if (HoldsWeights(found)) {
    // In a version's folder, some files may stand beside it.
    int64_t version = 0;
    const bool of_version = absl::SimpleAtoi(name, &version) && version > 0;
    const fs::path model = of_version ? found.parent_path() : found;
    return std::vector<ModelPath>{
        {.name = ListedName(model.filename().string()),
         .version = of_version ? version : 1,
         .directory = found.string(),
         .model_directory = model.string()}};
  }
  ASSIGN_OR_RETURN(const auto versions, ListVersions(found));
  if (!versions.empty()) return ListModel(found.parent_path(), name);
  return ListRepository(found.string());
}

}  // namespace unroll
