#ifndef UNROLL_CORE_FORMAT_PICKLE_OPCODES_H_
#define UNROLL_CORE_FORMAT_PICKLE_OPCODES_H_

#include <cstdint>

namespace unroll {

// What torch.save writes of the opcodes of pickle protocols 2 to 5; Python's
// pickletools explains them.
enum PickleOpcode : uint8_t {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = '.',
  kMark = '(',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8A,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8C,
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kEmptyTupleOpcode = ')',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kTupleToMark = 't',
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kEmptySet = 0x8F,
  kAddItems = 0x90,
  kGlobalByName = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kNewObject = 0x81,
  kBuild = 'b',
  kBinPersistent = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PICKLE_OPCODES_H_
