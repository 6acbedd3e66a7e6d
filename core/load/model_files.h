#ifndef UNROLL_CORE_LOAD_MODEL_FILES_H_
#define UNROLL_CORE_LOAD_MODEL_FILES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/load/loader.h"

namespace unroll {

// The names of files in a model's folder.
inline constexpr char kWeightsFile[] = "model.safetensors";
inline constexpr char kConfigFile[] = "config.json";
inline constexpr char kVocabularyFile[] = "vocab.txt";
inline constexpr char kLabelsFile[] = "labels.txt";

// Reads a file that may stand in the version's folder or in the model's (the
// version's own wins); nothing where neither has it. As ReadFile's errors.
absl::StatusOr<std::optional<std::string>> ReadModelFile(
    const ModelPath& path, const std::string& name, int64_t max_bytes);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_MODEL_FILES_H_
