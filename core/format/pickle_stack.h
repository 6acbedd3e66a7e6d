#ifndef UNROLL_CORE_FORMAT_PICKLE_STACK_H_
#define UNROLL_CORE_FORMAT_PICKLE_STACK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/format/pickle_value.h"

namespace unroll {

// Values that are all alike are in a Pickle once, at its front.
enum AlikeValue : PickleRef {
  kNoneValue,
  kBoolValue,
  kFloatValue,
  kBytesValue,
  kLargeInteger,
  kListValue,
  kSetValue,
  kEmptyTuple,
};

// The memory of a pickle machine: values, a stack of them with marks, and the
// memo. Errors are INVALID_ARGUMENT, and the end of the pickle.
class PickleStack {
 public:
  PickleStack();

  // Takes about 100 bytes a value, for 2^18 of them at most: some 14,000
  // tensors. What is all alike goes by PushRef.
  absl::Status Push(PickleValue value);
  absl::Status PushRef(PickleRef ref);
  void PushMark() { marks_.push_back(static_cast<uint32_t>(stack_.size())); }

  // Whether there are `count` values above the last mark.
  absl::Status Need(size_t count) const;
  // REQUIRES, here and below: Need was OK with as many.
  PickleRef Pop();
  std::vector<PickleRef> Pop(size_t count);
  PickleValue& Top() { return pickle_.values[stack_.back()]; }
  PickleRef TopRef() const { return stack_.back(); }
  // The values above the last mark, and the mark.
  absl::StatusOr<std::vector<PickleRef>> PopToMark();

  const PickleValue& operator[](PickleRef ref) const { return pickle_[ref]; }

  // Remembers the top value; picklers number in order.
  absl::Status Put(uint64_t index);
  absl::Status PutNext() { return Put(memo_.size()); }
  absl::Status Get(uint64_t index);

  // What is on the stack, which must be one value.
  absl::StatusOr<Pickle> Finish() &&;

 private:
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<uint32_t> marks_;  // places in stack_
  std::vector<PickleRef> memo_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PICKLE_STACK_H_
