#ifndef UNROLL_CORE_MODEL_SAFETENSORS_H_
#define UNROLL_CORE_MODEL_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/files.h"
#include "core/model/dtype.h"
#include "core/model/tensor.h"

namespace unroll {

// One tensor of a safetensors file. Its shape, type and place agree with each
// other and with the file's size.
struct StoredTensor {
  std::string name;
  DtypeInfo dtype;
  Shape shape;
  int64_t elements = 0;
  int64_t begin = 0;  // where its bytes are in the data
  int64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;            // ordered by name
  std::map<std::string, std::string> metadata;  // __metadata__
  int64_t data_begin = 0;                       // where the data is in the file
};

// Reads the header of a safetensors file and checks all of it; takes memory for
// the header only. `where` names the file in messages.
// INVALID_ARGUMENT, with the tensor: anything that the format does not allow,
// holes and overlaps in the data included. As File's errors besides.
absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(const File& file,
                                                        std::string_view where);

// The same of a header's JSON, for `data_bytes` of data behind it; leaves
// data_begin alone.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view json, int64_t data_bytes, std::string_view where);

// Reads one tensor of `header` as float32, a piece at a time, so that little
// memory is held besides the result.
// INVALID_ARGUMENT: a value that is not finite in float32 (says which).
// As File's errors besides. REQUIRES: its dtype is not kOther.
absl::StatusOr<Tensor> ReadTensor(const File& file,
                                  const SafetensorsHeader& header,
                                  const StoredTensor& stored,
                                  std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_SAFETENSORS_H_
