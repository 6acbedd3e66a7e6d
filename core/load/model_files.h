#ifndef UNROLL_CORE_LOAD_MODEL_FILES_H_
#define UNROLL_CORE_LOAD_MODEL_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/load/loader.h"

namespace unroll {

// The names of files in a model's folder. Of the weights' there is one.
inline constexpr char kSafetensorsFile[] = "model.safetensors";
inline constexpr char kPytorchFile[] = "model.pt";
inline constexpr char kOnnxFile[] = "model.onnx";
inline constexpr std::string_view kWeightsFiles[] = {kSafetensorsFile,
                                                     kPytorchFile, kOnnxFile};
inline constexpr std::string_view kAnyWeightsFile =
    "model.safetensors, model.pt or model.onnx";
inline constexpr char kConfigFile[] = "config.json";
inline constexpr char kVocabularyFile[] = "vocab.txt";
inline constexpr char kLabelsFile[] = "labels.txt";
inline constexpr char kExampleFile[] = "example.safetensors";

// The name of the weights' file in a model version's folder.
// NOT_FOUND: there is none (says which other file may be meant).
// INVALID_ARGUMENT: there are several.
absl::StatusOr<std::string> FindWeightsFile(const std::string& directory);

// Whether there is at least one.
bool HoldsWeights(const std::string& directory);

// Reads a file that may stand in the version's folder or in the model's (the
// version's own wins); nothing where neither has it. As ReadFile's errors.
absl::StatusOr<std::optional<std::string>> ReadModelFile(
    const ModelPath& path, const std::string& name, int64_t max_bytes);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_MODEL_FILES_H_
