#include "client/inspect/inspect.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/tensor_file.h"
#include "core/load/repository.h"
#include "core/load/weights_file.h"
#include "core/serve/admission.h"
#include "core/serve/model_registry.h"
#include "core/serve/report.h"

namespace unroll::client {
namespace {

// Looking is not limited: what a server will hold against its own limit is in
// the report.
constexpr int64_t kNoLimit = int64_t{1} << 60;
// More would scroll away what matters.
constexpr size_t kMostTensors = 100;

struct Tensors {
  std::string file;
  int64_t file_bytes = 0;
  std::vector<StoredTensor> list;  // none of a graph
};

absl::StatusOr<Tensors> ListTensors(const ModelPath& path) {
  RETURN_IF_ERROR(path.error);
  ASSIGN_OR_RETURN(WeightsFile weights, OpenWeightsFile(path, kNoLimit));
  Tensors tensors = {.file = weights.name, .file_bytes = weights.file.size()};
  if (IsGraph(weights)) return tensors;
  ASSIGN_OR_RETURN(const auto file, OpenTensorFile(std::move(weights)));
  tensors.list = file->tensors();
  return tensors;
}

void PrintTensors(const Tensors& tensors, std::ostream& out) {
  out << absl::StrFormat("  %s, %d bytes%s\n", Printable(tensors.file),
                         tensors.file_bytes, tensors.list.empty() ? "" : ":");
  size_t printed = 0;
  for (const StoredTensor& tensor : tensors.list) {
    if (++printed > kMostTensors) {
      out << absl::StrFormat("    and %d more\n",
                             tensors.list.size() - kMostTensors);
      return;
    }
    out << absl::StrFormat("    %-40s %-5s %s\n", Printable(tensor.name),
                           tensor.dtype.name, ShapeString(tensor.shape));
  }
}

nlohmann::ordered_json ToJson(const Tensors& tensors) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const StoredTensor& tensor : tensors.list) {
    list.push_back({{"name", Printable(tensor.name, 1000)},
                    {"dtype", tensor.dtype.name},
                    {"shape", tensor.shape}});
  }
  return list;
}

void Print(const ModelRegistry::Entry& entry, bool json, std::ostream& out) {
  const absl::StatusOr<Tensors> tensors = ListTensors(entry.path);
  if (!json) {
    out << Report(entry);
    if (tensors.ok()) PrintTensors(*tensors, out);
    out << "\n";
    return;
  }
  nlohmann::ordered_json line = JsonReport(entry);
  if (tensors.ok()) {
    line["weights"] = {{"file", Printable(tensors->file)},
                       {"bytes", tensors->file_bytes},
                       {"tensors", ToJson(*tensors)}};
  }
  out << line.dump(-1, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace)
      << "\n";
}

}  // namespace

bool Inspect(const std::string& path, bool json, std::ostream& out,
             std::ostream& err) {
  absl::StatusOr<std::vector<ModelPath>> paths = FindModels(path);
  if (!paths.ok()) {
    err << paths.status().ToString() << "\n";
    return false;
  }
  Admission admission({.memory_limit = kNoLimit});
  ModelRegistry models(*std::move(paths), {}, admission);
  bool all_loaded = true;
  models.LoadAll([&](const ModelRegistry::Entry& entry) {
    all_loaded &= entry.model != nullptr;
    Print(entry, json, out);
    return true;
  });
  return all_loaded;
}

}  // namespace unroll::client
