#include "core/format/pickle.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/format/pickle_bytes.h"
#include "core/format/pickle_opcodes.h"
#include "core/format/pickle_stack.h"

namespace unroll {
namespace {

using enum PickleKind;

constexpr std::string_view kHint =
    "save the tensors alone: torch.save(model.state_dict(), \"model.pt\")";

bool IsInert(const PickleValue& value) {
  return value.kind == kCall && value.global->role == PickleRole::kInert;
}

// Python's pickle machine, with names in place of what they name.
class Machine {
 public:
  explicit Machine(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<Pickle> Run(std::string_view where);

 private:
  absl::Status CheckStart();
  absl::Status Step(uint8_t opcode);
  absl::Status StepFrame();
  absl::Status StepInt(size_t bytes);
  absl::Status StepLong();
  absl::Status StepText(size_t length_bytes);
  // Skips bytes that stand for `value`.
  absl::Status StepSkip(uint64_t bytes, AlikeValue value);
  absl::Status StepBytes(size_t length_bytes);
  absl::Status StepTuple(std::vector<PickleRef> items);
  absl::Status StepSetItems(std::vector<PickleRef> items);
  // Of a list or a set.
  absl::Status StepAddItems(AlikeValue target);
  absl::Status StepGlobal(std::string_view module, std::string_view name);
  absl::Status StepGlobalByName();
  absl::Status StepStackGlobal();
  absl::Status StepCall();
  absl::Status StepBuild();

  PickleBytes bytes_;
  PickleStack stack_;
};

absl::Status Machine::StepFrame() {
  ASSIGN_OR_RETURN(const uint64_t length, bytes_.TakeNumber(8));
  if (length > bytes_.left()) {
    return Invalid("a frame of %d bytes, but %d follow", length, bytes_.left());
  }
  return absl::OkStatus();
}

// Only the one of four bytes has a sign.
absl::Status Machine::StepInt(size_t bytes) {
  ASSIGN_OR_RETURN(const uint64_t number, bytes_.TakeNumber(bytes));
  return stack_.Push({.kind = kInt,
                      .number = bytes == 4 ? static_cast<int32_t>(number)
                                           : static_cast<int64_t>(number)});
}

// A two's complement of any length.
absl::Status Machine::StepLong() {
  ASSIGN_OR_RETURN(const uint64_t bytes, bytes_.TakeNumber(1));
  if (bytes > 8) return StepSkip(bytes, kLargeInteger);
  ASSIGN_OR_RETURN(uint64_t number, bytes_.TakeNumber(bytes));
  if (bytes > 0 && bytes < 8 && number >> (bytes * 8 - 1) != 0) {
    number |= ~uint64_t{0} << bytes * 8;
  }
  return stack_.Push({.kind = kInt, .number = static_cast<int64_t>(number)});
}

absl::Status Machine::StepText(size_t length_bytes) {
  ASSIGN_OR_RETURN(const uint64_t length, bytes_.TakeNumber(length_bytes));
  ASSIGN_OR_RETURN(const std::string_view text, bytes_.Take(length));
  if (const auto bad = FindInvalidUtf8(text)) {
    return Invalid("the string %s is not valid UTF-8 from its byte %d on",
                   Quoted(text), *bad);
  }
  return stack_.Push({.kind = kText, .text = text});
}

absl::Status Machine::StepSkip(uint64_t bytes, AlikeValue value) {
  RETURN_IF_ERROR(bytes_.Take(bytes).status());
  return stack_.PushRef(value);
}

absl::Status Machine::StepBytes(size_t length_bytes) {
  ASSIGN_OR_RETURN(const uint64_t length, bytes_.TakeNumber(length_bytes));
  return StepSkip(length, kBytesValue);
}

absl::Status Machine::StepTuple(std::vector<PickleRef> items) {
  if (items.empty()) return stack_.PushRef(kEmptyTuple);
  return stack_.Push({.kind = kTuple, .items = std::move(items)});
}

absl::Status Machine::StepSetItems(std::vector<PickleRef> items) {
  RETURN_IF_ERROR(stack_.Need(1));
  if (items.size() % 2 != 0) {
    return Invalid("%d keys and values, expected pairs", items.size());
  }
  PickleValue& target = stack_.Top();
  if (IsInert(target)) return absl::OkStatus();
  if (target.kind != kDict) {
    return Invalid("keys and values for %s, expected a dict", Describe(target));
  }
  target.items.insert(target.items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status Machine::StepAddItems(AlikeValue target) {
  RETURN_IF_ERROR(stack_.Need(1));
  if (stack_.TopRef() == target || IsInert(stack_.Top())) {
    return absl::OkStatus();
  }
  return Invalid("values for %s, expected %s", Describe(stack_.Top()),
                 Describe(stack_[target]));
}

absl::Status Machine::StepGlobal(std::string_view module,
                                 std::string_view name) {
  const PickleGlobal* global = FindPickleGlobal(module, name);
  const std::string full = Quoted(absl::StrFormat("%s.%s", module, name));
  if (global == nullptr) {
    return Invalid("global %s is not one that tensors need; %s", full, kHint);
  }
  if (global->role == PickleRole::kRefused) {
    return Invalid("global %s makes %s, which is not supported", full,
                   global->detail);
  }
  return stack_.Push({.kind = kGlobal, .global = global});
}

absl::Status Machine::StepGlobalByName() {
  ASSIGN_OR_RETURN(const std::string_view module, bytes_.TakeLine());
  ASSIGN_OR_RETURN(const std::string_view name, bytes_.TakeLine());
  return StepGlobal(module, name);
}

absl::Status Machine::StepStackGlobal() {
  RETURN_IF_ERROR(stack_.Need(2));
  const PickleValue& name = stack_[stack_.Pop()];
  const PickleValue& module = stack_[stack_.Pop()];
  if (name.kind != kText || module.kind != kText) {
    return Invalid("a global named by %s and %s, expected two strings",
                   Describe(module), Describe(name));
  }
  return StepGlobal(module.text, name.text);
}

// A call, or a new object of a class: a global, then a tuple of arguments.
absl::Status Machine::StepCall() {
  RETURN_IF_ERROR(stack_.Need(2));
  const PickleRef arguments = stack_.Pop();
  const PickleValue& called = stack_[stack_.Pop()];
  if (called.kind != kGlobal || stack_[arguments].kind != kTuple) {
    return Invalid("a call of %s with %s, expected a global and a tuple",
                   Describe(called), Describe(stack_[arguments]));
  }
  switch (called.global->role) {
    case PickleRole::kOrderedDict:
      if (arguments != kEmptyTuple) {
        return Invalid("an OrderedDict with %s, expected no arguments",
                       Describe(stack_[arguments]));
      }
      return stack_.Push({.kind = kDict});
    case PickleRole::kRebuildTensor:
    case PickleRole::kRebuildTensorV3:
    case PickleRole::kRebuildParameter:
    case PickleRole::kInert:
      return stack_.Push(
          {.kind = kCall, .global = called.global, .items = {arguments}});
    default:
      return Invalid("a call of %s, expected a function or class",
                     Describe(called));
  }
}

// Attributes: an OrderedDict has them (_metadata), and inert objects.
absl::Status Machine::StepBuild() {
  RETURN_IF_ERROR(stack_.Need(2));
  stack_.Pop();
  const PickleValue& target = stack_.Top();
  if (target.kind == kDict || IsInert(target)) return absl::OkStatus();
  return Invalid("attributes for %s", Describe(target));
}

absl::Status Machine::Step(uint8_t opcode) {
  switch (opcode) {
    case kFrame:
      return StepFrame();
    case kMark:
      stack_.PushMark();
      return absl::OkStatus();
    case kNone:
      return stack_.PushRef(kNoneValue);
    case kNewTrue:
    case kNewFalse:
      return stack_.PushRef(kBoolValue);
    case kBinInt:
      return StepInt(4);
    case kBinInt1:
      return StepInt(1);
    case kBinInt2:
      return StepInt(2);
    case kLong1:
      return StepLong();
    case kBinFloat:
      return StepSkip(8, kFloatValue);
    case kBinUnicode:
      return StepText(4);
    case kShortBinUnicode:
      return StepText(1);
    case kBinBytes:
      return StepBytes(4);
    case kShortBinBytes:
      return StepBytes(1);
    case kEmptyTupleOpcode:
      return stack_.PushRef(kEmptyTuple);
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      const size_t count = opcode - kTuple1 + size_t{1};
      RETURN_IF_ERROR(stack_.Need(count));
      return StepTuple(stack_.Pop(count));
    }
    case kTupleToMark: {
      ASSIGN_OR_RETURN(std::vector<PickleRef> items, stack_.PopToMark());
      return StepTuple(std::move(items));
    }
    case kEmptyList:
      return stack_.PushRef(kListValue);
    case kEmptySet:
      return stack_.PushRef(kSetValue);
    case kEmptyDict:
      return stack_.Push({.kind = kDict});
    case kAppend:
      RETURN_IF_ERROR(stack_.Need(1));
      stack_.Pop();
      return StepAddItems(kListValue);
    case kAppends:
    case kAddItems:
      RETURN_IF_ERROR(stack_.PopToMark().status());
      return StepAddItems(opcode == kAppends ? kListValue : kSetValue);
    case kSetItem:
      RETURN_IF_ERROR(stack_.Need(2));
      return StepSetItems(stack_.Pop(2));
    case kSetItems: {
      ASSIGN_OR_RETURN(std::vector<PickleRef> items, stack_.PopToMark());
      return StepSetItems(std::move(items));
    }
    case kGlobalByName:
      return StepGlobalByName();
    case kStackGlobal:
      return StepStackGlobal();
    case kReduce:
    case kNewObject:
      return StepCall();
    case kBuild:
      return StepBuild();
    case kBinPersistent:
      RETURN_IF_ERROR(stack_.Need(1));
      return stack_.Push({.kind = kPersistent, .items = {stack_.Pop()}});
    case kMemoize:
      return stack_.PutNext();
    case kBinPut:
    case kLongBinPut: {
      ASSIGN_OR_RETURN(const uint64_t index,
                       bytes_.TakeNumber(opcode == kBinPut ? 1 : 4));
      return stack_.Put(index);
    }
    case kBinGet:
    case kLongBinGet: {
      ASSIGN_OR_RETURN(const uint64_t index,
                       bytes_.TakeNumber(opcode == kBinGet ? 1 : 4));
      return stack_.Get(index);
    }
    default:
      return Invalid("opcode 0x%02x is not one that tensors need; %s", opcode,
                     kHint);
  }
}

absl::Status Machine::CheckStart() {
  ASSIGN_OR_RETURN(const uint64_t opcode, bytes_.TakeNumber(1));
  ASSIGN_OR_RETURN(const uint64_t protocol, bytes_.TakeNumber(1));
  if (opcode != kProto || protocol < 2 || protocol > 5) {
    return Invalid("expected the start of a pickle of protocol 2 to 5");
  }
  return absl::OkStatus();
}

absl::StatusOr<Pickle> Machine::Run(std::string_view where) {
  size_t begin = 0;
  const auto at_begin = [&](const absl::Status& status) {
    return Invalid("%s: byte %d: %s", where, begin, status.message());
  };
  if (const absl::Status status = CheckStart(); !status.ok()) {
    return at_begin(status);
  }
  for (;;) {
    begin = bytes_.taken();
    const auto opcode = bytes_.TakeNumber(1);
    if (!opcode.ok()) return at_begin(Invalid("the pickle has no end mark"));
    if (*opcode == kStop) break;
    const absl::Status status = Step(static_cast<uint8_t>(*opcode));
    if (!status.ok()) return at_begin(status);
  }
  if (bytes_.left() != 0) {
    return at_begin(
        Invalid("the end mark, but %d bytes follow", bytes_.left()));
  }
  auto pickle = std::move(stack_).Finish();
  if (!pickle.ok()) return at_begin(pickle.status());
  return pickle;
}

}  // namespace

absl::StatusOr<Pickle> ParsePickle(std::string_view bytes,
                                   std::string_view where) {
  return Machine(bytes).Run(where);
}

}  // namespace unroll
