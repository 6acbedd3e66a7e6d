#ifndef UNROLL_CORE_FORMAT_PICKLE_GLOBALS_H_
#define UNROLL_CORE_FORMAT_PICKLE_GLOBALS_H_

#include <string_view>

namespace unroll {

// What a global that a pickle names stands for. Nothing is imported or called:
// the name is all that is ever used of it.
enum class PickleRole {
  kOrderedDict,       // a call without arguments is an empty dict
  kRebuildTensor,     // (storage, offset, shape, stride, ...)
  kRebuildTensorV3,   // the same, with a dtype as the seventh
  kRebuildParameter,  // (tensor, ...)
  kStorage,           // of elements of `detail`, a name of FindDtype
  kUntypedStorage,    // of bytes
  kDtype,             // `detail` is a name of FindDtype, or empty
  kInert,             // is found beside a state_dict and never looked into
  kRefused,           // `detail` says what it makes
};

struct PickleGlobal {
  std::string_view module;
  std::string_view name;
  PickleRole role;
  std::string_view detail;
};

// The closed list. Null: it is not on it.
const PickleGlobal* FindPickleGlobal(std::string_view module,
                                     std::string_view name);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PICKLE_GLOBALS_H_
