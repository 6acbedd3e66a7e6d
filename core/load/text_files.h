#ifndef UNROLL_CORE_LOAD_TEXT_FILES_H_
#define UNROLL_CORE_LOAD_TEXT_FILES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/load/config.h"
#include "core/load/loader.h"
#include "core/load/network_parts.h"
#include "core/model/vocabulary.h"

namespace unroll {

// The config of a model; all defaults where there is no config.json.
// As ReadFile's and ParseConfig's errors.
absl::StatusOr<Config> LoadConfig(const ModelPath& path);

// The vocabulary: the file that `config` names, or vocab.txt where there is
// one. Without an embedding the input is one-hot: there must be I tokens.
// INVALID_ARGUMENT: the named file is not there, it has not V (or I) tokens, a
// key about a vocabulary without one, and Vocabulary::Parse's errors.
absl::StatusOr<std::optional<Vocabulary>> LoadVocabulary(
    const ModelPath& path, const Config& config, const NetworkParts& parts);

// The labels of the head's classes, or none: the file that `config` names, or
// labels.txt where there is one. INVALID_ARGUMENT: the named file is not there,
// it has not C labels, the model has no head, and ParseTokenLines' errors.
absl::StatusOr<std::vector<std::string>> LoadLabels(const ModelPath& path,
                                                    const Config& config,
                                                    const NetworkParts& parts);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_TEXT_FILES_H_
