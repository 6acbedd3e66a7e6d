#ifndef UNROLL_CORE_MODEL_FINGERPRINT_H_
#define UNROLL_CORE_MODEL_FINGERPRINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/model/model.h"

namespace unroll {

// SHA-256, in 64 hexadecimal digits, over what a model's results depend on:
// spec, head, vocabulary with its tokenizer, and the float32 tensors in a fixed
// order. Names of files and tensors, their order in the file, their type there
// (as long as the float32 values agree), labels and kernel are not in it.
// INTERNAL: OpenSSL failed.
absl::StatusOr<std::string> Fingerprint(const ModelInfo& info,
                                        const ModelWeights& weights);

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_FINGERPRINT_H_
