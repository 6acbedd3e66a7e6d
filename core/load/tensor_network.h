#ifndef UNROLL_CORE_LOAD_TENSOR_NETWORK_H_
#define UNROLL_CORE_LOAD_TENSOR_NETWORK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/format/tensor_file.h"
#include "core/load/config.h"
#include "core/load/network_parts.h"

namespace unroll {

// The network that a file of named tensors holds. `where` names the file in
// messages.
// INVALID_ARGUMENT and UNIMPLEMENTED: as SplitIgnored and AssignRoles; a tensor
// of a type that weights do not have; a "head" that is not there.
// RESOURCE_EXHAUSTED: the tensors take more than `max_bytes` as float32.
// read_weights: as TensorFile::Read; INVALID_ARGUMENT: what normalises the
// input does not fit; ABORTED: the file was written meanwhile.
absl::StatusOr<NetworkParts> FindNetwork(std::shared_ptr<const TensorFile> file,
                                         const Config& config,
                                         int64_t max_bytes,
                                         const std::string& where);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_TENSOR_NETWORK_H_
