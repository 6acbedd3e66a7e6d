#include "core/load/weights_file.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/format/pytorch_file.h"
#include "core/format/safetensors.h"
#include "core/load/model_files.h"

namespace unroll {

absl::StatusOr<WeightsFile> OpenWeightsFile(const ModelPath& path,
                                            int64_t max_bytes) {
  std::string name = path.weights_file;
  if (name.empty()) {
    ASSIGN_OR_RETURN(name, FindWeightsFile(path.directory));
  }
  ASSIGN_OR_RETURN(File file,
                   File::Open(absl::StrFormat("%s/%s", path.directory, name)));
  if (file.size() > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: %d bytes, but there is memory for %d", name,
                        file.size(), max_bytes));
  }
  return WeightsFile{std::move(name), std::move(file)};
}

bool IsGraph(const WeightsFile& weights) {
  return weights.name.ends_with(".onnx");
}

absl::StatusOr<std::unique_ptr<TensorFile>> OpenTensorFile(
    WeightsFile weights) {
  if (weights.name.ends_with(".safetensors")) {
    return SafetensorsFile::Open(std::move(weights.file), weights.name);
  }
  // .pt, .pth, .bin, ...: torch.save has no name of its own.
  return PytorchFile::Open(std::move(weights.file), weights.name);
}

}  // namespace unroll
