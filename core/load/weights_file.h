#ifndef UNROLL_CORE_LOAD_WEIGHTS_FILE_H_
#define UNROLL_CORE_LOAD_WEIGHTS_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/base/files.h"
#include "core/format/tensor_file.h"
#include "core/load/loader.h"

namespace unroll {

// The weights' file of a model version, open but not read.
struct WeightsFile {
  std::string name;
  File file;
};

// As FindWeightsFile's and File's errors; RESOURCE_EXHAUSTED: it is larger than
// `max_bytes`.
absl::StatusOr<WeightsFile> OpenWeightsFile(const ModelPath& path,
                                            int64_t max_bytes);

// Whether it is a graph (ONNX), not a file of named tensors.
bool IsGraph(const WeightsFile& weights);

// REQUIRES: it is no graph. As SafetensorsFile::Open and PytorchFile::Open, by
// the name's end.
absl::StatusOr<std::unique_ptr<TensorFile>> OpenTensorFile(WeightsFile weights);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_WEIGHTS_FILE_H_
