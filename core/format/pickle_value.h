#ifndef UNROLL_CORE_FORMAT_PICKLE_VALUE_H_
#define UNROLL_CORE_FORMAT_PICKLE_VALUE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/format/pickle_globals.h"

namespace unroll {

enum class PickleKind {
  kOther,  // None, a number that no shape has, a list: all that is known is
           // what
  kText,
  kInt,
  kTuple,
  kDict,
  kGlobal,
  kCall,        // of a global, or an object of it
  kPersistent,  // what the pickler kept elsewhere: a storage
};

// A value of a Pickle, by its place in there: values may be shared and may hold
// themselves, so whoever follows them must know how far.
using PickleRef = uint32_t;

struct PickleValue {
  PickleKind kind = PickleKind::kOther;
  int64_t number = 0;     // kInt
  std::string_view text;  // kText: in the pickle's own bytes, UTF-8;
                          // kOther: "a list", ...
  const PickleGlobal* global = nullptr;  // kGlobal, kCall
  // kTuple: its values. kDict: key, value, key, value, ..., as written: a key
  // may be there twice. kCall: the tuple of its arguments. kPersistent: its id.
  std::vector<PickleRef> items;
};

struct Pickle {
  std::deque<PickleValue> values;
  PickleRef top = 0;  // what was pickled

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
};

// The value for a message, with its article: "a list", "an object of x.Y".
std::string Describe(const PickleValue& value);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PICKLE_VALUE_H_
