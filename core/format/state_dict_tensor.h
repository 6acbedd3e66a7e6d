#ifndef UNROLL_CORE_FORMAT_STATE_DICT_TENSOR_H_
#define UNROLL_CORE_FORMAT_STATE_DICT_TENSOR_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/format/pickle_value.h"
#include "core/format/tensor_file.h"

namespace unroll {

// A tensor of a state_dict: a view of a storage, inside it, with at most as
// many elements as that.
struct StateDictTensor : StoredTensor {
  std::string storage;           // its key
  int64_t storage_elements = 0;  // of `dtype`; they fit an int64 in bytes
  int64_t offset = 0;            // of the first element, in elements
  Shape stride;                  // in elements, one for each of `shape`
};

// Whether it is a call that makes a tensor or a parameter.
bool IsPickledTensor(const PickleValue& value);

// What such a call says, but for the name.
// INVALID_ARGUMENT, without file and tensor: it is none, is not sound or is of
// a kind that is not supported.
absl::StatusOr<StateDictTensor> ToStateDictTensor(const Pickle& pickle,
                                                  const PickleValue& value);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_STATE_DICT_TENSOR_H_
