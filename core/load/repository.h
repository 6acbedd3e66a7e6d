#ifndef UNROLL_CORE_LOAD_REPOSITORY_H_
#define UNROLL_CORE_LOAD_REPOSITORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/load/loader.h"

namespace unroll {

// Lists the model versions under a repository: DIR/<model>/<version>/ and
// weights directly under DIR/<model>/ (version 1). Sorted by name, then by
// version, highest first. Names that start with '.' are passed over (Kubernetes
// mounts use them); symbolic links are followed. A folder of a model without
// any version is listed as version 1, so that loading it says what is missing.
// A folder that cannot be served keeps no other model from it. It is listed as
// version 1 with an error, INVALID_ARGUMENT, that loading it returns: a name
// that is not of [A-Za-z0-9._-]+ (listed with escapes), weights both directly
// and in version folders, two folders of one version, weights in a folder that
// looks like a version but is none ("v2", "1.5"; without weights it is passed
// over).
// NOT_FOUND: no such directory, or no folder in it that is not passed over and
// has no such error; INVALID_ARGUMENT: DIR itself holds weights (the message
// says to give its parent).
absl::StatusOr<std::vector<ModelPath>> ListRepository(
    const std::string& directory);

// What a person may mean by a path: a weights file, the folder of a model or of
// one of its versions, or a repository.
// NOT_FOUND: none of these. As ListRepository's errors besides.
absl::StatusOr<std::vector<ModelPath>> FindModels(const std::string& path);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_REPOSITORY_H_
