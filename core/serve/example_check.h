#ifndef UNROLL_CORE_SERVE_EXAMPLE_CHECK_H_
#define UNROLL_CORE_SERVE_EXAMPLE_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "core/load/example.h"
#include "core/model/model.h"
#include "core/rnn/network.h"

namespace unroll {

// Runs a model's own example and compares. A result may differ from what is
// expected by 1e-4 of the largest number of its tensor (0.05 with bfloat16
// weights): far more than rounding does, far less than a wrong network.
// FAILED_PRECONDITION: the first difference. INTERNAL: oneDNN failed;
// RESOURCE_EXHAUSTED: no memory. `max_rows` is the network's.
absl::Status CheckExample(const Example& example, const ModelInfo& info,
                          const Network& network, int64_t max_rows);

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_EXAMPLE_CHECK_H_
