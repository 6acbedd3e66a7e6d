#ifndef UNROLL_CORE_LOAD_GRAPH_NETWORK_H_
#define UNROLL_CORE_LOAD_GRAPH_NETWORK_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/load/config.h"
#include "core/load/network_parts.h"
#include "core/load/weights_file.h"

namespace unroll {

// The network that an ONNX graph computes.
// INVALID_ARGUMENT: `config` has a key that the graph answers itself;
// ReadOnnx's errors. ABORTED: the file was written meanwhile.
absl::StatusOr<NetworkParts> ReadGraph(const WeightsFile& weights,
                                       const Config& config, int64_t max_bytes);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_GRAPH_NETWORK_H_
