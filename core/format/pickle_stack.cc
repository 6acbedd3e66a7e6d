#include "core/format/pickle_stack.h"

#include <iterator>
#include <string_view>
#include <utility>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"

namespace unroll {
namespace {

constexpr size_t kMaxValues = 1 << 18;

constexpr std::string_view kAlike[] = {
    "None", "a bool", "a float", "bytes", "a large integer", "a list", "a set"};
static_assert(std::size(kAlike) == kEmptyTuple);

}  // namespace

PickleStack::PickleStack() {
  for (const std::string_view what : kAlike) {
    pickle_.values.push_back({.kind = PickleKind::kOther, .text = what});
  }
  pickle_.values.push_back({.kind = PickleKind::kTuple});
}

absl::Status PickleStack::Push(PickleValue value) {
  const size_t before = pickle_.values.size();
  if (before == kMaxValues) return Invalid("more than %d values", kMaxValues);
  pickle_.values.push_back(std::move(value));
  return PushRef(static_cast<PickleRef>(before));
}

absl::Status PickleStack::PushRef(PickleRef ref) {
  stack_.push_back(ref);
  return absl::OkStatus();
}

absl::Status PickleStack::Need(size_t count) const {
  const size_t bottom = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - bottom < count) {
    return Invalid("%d values on the stack, expected %d",
                   stack_.size() - bottom, count);
  }
  return absl::OkStatus();
}

PickleRef PickleStack::Pop() {
  const PickleRef ref = stack_.back();
  stack_.pop_back();
  return ref;
}

std::vector<PickleRef> PickleStack::Pop(size_t count) {
  const auto begin = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<PickleRef> popped(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  return popped;
}

absl::StatusOr<std::vector<PickleRef>> PickleStack::PopToMark() {
  if (marks_.empty()) return Invalid("no mark on the stack");
  const size_t begin = marks_.back();
  marks_.pop_back();
  return Pop(stack_.size() - begin);
}

absl::Status PickleStack::Put(uint64_t index) {
  RETURN_IF_ERROR(Need(1));
  if (index > memo_.size()) {
    return Invalid("memo %d, expected at most %d", index, memo_.size());
  }
  if (index == memo_.size()) memo_.emplace_back();
  memo_[index] = stack_.back();
  return absl::OkStatus();
}

absl::Status PickleStack::Get(uint64_t index) {
  if (index >= memo_.size()) {
    return Invalid("memo %d, but there are %d", index, memo_.size());
  }
  return PushRef(memo_[index]);
}

absl::StatusOr<Pickle> PickleStack::Finish() && {
  if (stack_.size() != 1 || !marks_.empty()) {
    return Invalid(
        "%d values and %d marks on the stack at the end, expected one value",
        stack_.size(), marks_.size());
  }
  pickle_.top = stack_[0];
  return std::move(pickle_);
}

}  // namespace unroll
