#ifndef UNROLL_CORE_FORMAT_STATE_DICT_H_
#define UNROLL_CORE_FORMAT_STATE_DICT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/format/state_dict_tensor.h"

namespace unroll {

struct StateDict {
  std::vector<StateDictTensor> tensors;  // ordered by name
  std::string checkpoint_key;  // which part of the pickle it is; empty: all
};

// Reads the data.pkl of a PyTorch checkpoint: a state_dict, or a dict that has
// one under a usual key ("state_dict", "model", ...). A function of the bytes
// alone: whether the storages are there is for the caller to see. Takes memory
// as ParsePickle. `where` names the file in messages.
// INVALID_ARGUMENT: as ParsePickle; no state_dict or several; an entry of it
// that is no tensor, or a tensor that is not sound or of a kind that is not
// supported; a name that is empty, over 1000 bytes or there twice.
absl::StatusOr<StateDict> ParseStateDict(std::string_view pickle,
                                         std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_STATE_DICT_H_
