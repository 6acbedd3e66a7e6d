#ifndef UNROLL_CORE_LOAD_TEXT_FILES_H_
#define UNROLL_CORE_LOAD_TEXT_FILES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/load/config.h"
#include "core/load/loader.h"
#include "core/load/tensor_roles.h"
#include "core/model/vocabulary.h"

namespace unroll {

// The config of a model; all defaults where there is no config.json.
// As ReadFile's and ParseConfig's errors.
absl::StatusOr<Config> LoadConfig(const ModelPath& path);

// The vocabulary: the file that `config` names, or vocab.txt where there is
// one. INVALID_ARGUMENT: the named file is not there, it has not V tokens, the
// model has no embedding, a key about a vocabulary without one, and
// Vocabulary::Parse's errors.
absl::StatusOr<std::optional<Vocabulary>> LoadVocabulary(
    const ModelPath& path, const Config& config, const TensorRoles& roles);

// The labels of the head's classes, or none: the file that `config` names, or
// labels.txt where there is one. INVALID_ARGUMENT: the named file is not there,
// it has not C labels, the model has no head, and ParseTokenLines' errors.
absl::StatusOr<std::vector<std::string>> LoadLabels(const ModelPath& path,
                                                    const Config& config,
                                                    const TensorRoles& roles);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_TEXT_FILES_H_
