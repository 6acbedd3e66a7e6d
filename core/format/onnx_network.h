#ifndef UNROLL_CORE_FORMAT_ONNX_NETWORK_H_
#define UNROLL_CORE_FORMAT_ONNX_NETWORK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/files.h"
#include "core/model/model.h"

namespace unroll {

// A network as an ONNX graph describes it.
struct OnnxNetwork {
  Spec spec;
  bool one_hot = false;  // the input is tokens, as unit vectors [I]
  std::optional<HeadSpec> head;
  // As in a Model; numbers that PyTorch wrote are bit for bit its own.
  ModelWeights weights;
  // For people, the nodes (of the embedding: its initializer) that these come
  // from; empty without.
  std::string rnn, embedding, head_nodes;
  // metadata_props, and what the file says of itself: "producer", "opset".
  std::map<std::string, std::string> metadata;
};

// Reads an ONNX file and folds its graph: RNN nodes (or the loops that tf2onnx
// makes of Keras's SimpleRNN), one on top of the other, and what exporters put
// around them. Which of the graph's outputs there are does not matter: we give
// hidden, h_n and scores. `where` names the file in messages; messages about a
// part of the graph name node and operation. The floats that are read come to
// at most `max_bytes`, and little memory is taken besides.
// INVALID_ARGUMENT: what ONNX does not allow; UNIMPLEMENTED: what the server
// does not compute, external data; RESOURCE_EXHAUSTED: past max_bytes, too many
// nodes, no memory. As File's errors besides.
absl::StatusOr<OnnxNetwork> ReadOnnx(const File& file, int64_t max_bytes,
                                     std::string_view where);

// The same from bytes.
absl::StatusOr<OnnxNetwork> ParseOnnx(std::string_view bytes, int64_t max_bytes,
                                      std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_NETWORK_H_
