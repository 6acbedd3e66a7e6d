#ifndef UNROLL_CORE_LOAD_NETWORK_PARTS_H_
#define UNROLL_CORE_LOAD_NETWORK_PARTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/load/config.h"
#include "core/model/model.h"

namespace unroll {

// The network that a weights file and config.json make, before its numbers are
// read.
struct NetworkParts {
  Spec spec;
  int64_t vocabulary_size = 0;  // V of an embedding, 0 without one
  bool one_hot = false;         // the file itself says so
  std::optional<HeadSpec> head;

  // Whether the file says all of it (ONNX); otherwise it says shapes, and
  // config.json or a default the rest.
  bool complete = false;
  // What the parts are called in the file, for people. Empty: not there.
  std::string rnn_name, embedding_name, head_name, normalization_name;
  std::map<std::string, std::string> metadata;

  std::function<absl::StatusOr<ModelWeights>()> read_weights;  // once
};

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_NETWORK_PARTS_H_
