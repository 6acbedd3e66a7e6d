#ifndef UNROLL_CORE_LOAD_LOADER_H_
#define UNROLL_CORE_LOAD_LOADER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/model/model.h"

namespace unroll {

// Where one version of a model stands on disk.
struct ModelPath {
  std::string name;       // the folder DIR/<name>
  int64_t version = 0;    // 1 when the weights stand directly in DIR/<name>
  std::string directory;  // where the weights are
  std::string model_directory;  // DIR/<name>: where files shared by all
                                // versions may stand; equal to `directory` for
                                // those whose weights stand directly in it
  std::string weights_file = "";  // its name in `directory`; empty: find it
  absl::Status error = absl::OkStatus();  // what is wrong with its folder
};

struct LoadOptions {
  // A weights file that is larger, or whose tensors are as float32, is refused
  // before it is read, in bytes.
  int64_t max_bytes = int64_t{1} << 40;
};

// Reads and checks everything of one model version: weights, config.json,
// vocab.txt, labels.txt. Errors name file and tensor or key, expected and
// found: NOT_FOUND (no weights), INVALID_ARGUMENT (a file is wrong or
// ambiguous), UNIMPLEMENTED (a network that is not served yet),
// RESOURCE_EXHAUSTED (past max_bytes), ABORTED (the weights were written while
// they were read), or path.error. Nothing is kept after an error.
absl::StatusOr<Model> LoadModel(const ModelPath& path,
                                const LoadOptions& options);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_LOADER_H_
