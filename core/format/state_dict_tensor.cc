#include "core/format/state_dict_tensor.h"

#include <span>
#include <vector>

#include "core/base/checked.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/strided.h"

namespace unroll {
namespace {

constexpr size_t kMaxKeyBytes = 20;  // torch.save numbers the storages

// A tuple of whole numbers of at least 0; `what` is for messages.
absl::StatusOr<Shape> ToSizes(const Pickle& pickle, const PickleValue& value,
                              std::string_view what) {
  if (value.kind != PickleKind::kTuple) {
    return Invalid("%s is %s, expected a tuple", what, Describe(value));
  }
  if (value.items.size() > kMaxDimensions) {
    return Invalid("%s has %d entries, expected at most %d", what,
                   value.items.size(), kMaxDimensions);
  }
  Shape sizes;
  for (const PickleRef ref : value.items) {
    const PickleValue& size = pickle[ref];
    if (size.kind != PickleKind::kInt || size.number < 0) {
      return Invalid("%s entry %d is %s, expected a whole number from 0 on",
                     what, sizes.size(), Describe(size));
    }
    sizes.push_back(size.number);
  }
  return sizes;
}

// A call's arguments, as many as `least` to `most`.
absl::StatusOr<std::span<const PickleRef>> Arguments(const Pickle& pickle,
                                                     const PickleValue& call,
                                                     size_t least,
                                                     size_t most) {
  const std::vector<PickleRef>& arguments = pickle[call.items[0]].items;
  if (arguments.size() < least || arguments.size() > most) {
    return Invalid("%s of %d arguments, expected %d to %d", Describe(call),
                   arguments.size(), least, most);
  }
  return arguments;
}

// Fills in the storage, ("storage", class, key, device, elements), and dtype.
// `dtype` is that of the tensor where the storage is of plain bytes.
absl::Status ReadStorage(const Pickle& pickle, const PickleValue& value,
                         const PickleValue* dtype, StateDictTensor& tensor) {
  if (value.kind != PickleKind::kPersistent) {
    return Invalid("made of %s, expected a storage", Describe(value));
  }
  const PickleValue& id = pickle[value.items[0]];
  if (id.kind != PickleKind::kTuple || id.items.size() != 5) {
    return Invalid("storage named by %s, expected a tuple of 5", Describe(id));
  }
  const PickleValue& type = pickle[id.items[1]];
  const PickleValue& key = pickle[id.items[2]];
  const PickleValue& elements = pickle[id.items[4]];
  const PickleRole wanted =
      dtype != nullptr ? PickleRole::kUntypedStorage : PickleRole::kStorage;
  if (pickle[id.items[0]].text != "storage" || key.kind != PickleKind::kText ||
      key.text.size() > kMaxKeyBytes || elements.kind != PickleKind::kInt ||
      elements.number < 0) {
    return Invalid(
        "storage (%s, ..., %s, ..., %s), expected (\"storage\", class, key, "
        "device, number of elements)",
        Describe(pickle[id.items[0]]), Describe(key), Describe(elements));
  }
  if (type.kind != PickleKind::kGlobal || type.global->role != wanted) {
    return Invalid("storage %s is of %s, expected %s", Quoted(key.text),
                   Describe(type),
                   dtype != nullptr ? "torch.storage.UntypedStorage"
                                    : "a class like torch.FloatStorage");
  }
  if (dtype != nullptr && (dtype->kind != PickleKind::kGlobal ||
                           dtype->global->role != PickleRole::kDtype)) {
    return Invalid("dtype is %s, expected one like torch.float32",
                   Describe(*dtype));
  }
  tensor.dtype = *FindDtype((dtype != nullptr ? *dtype : type).global->detail);
  tensor.storage = key.text;
  const int64_t width = tensor.dtype.bits / 8;
  tensor.storage_elements =
      dtype != nullptr ? elements.number / width : elements.number;
  if (!CheckedMultiply(tensor.storage_elements, width)) {
    return Invalid("storage %s of %d elements is too large", Quoted(key.text),
                   tensor.storage_elements);
  }
  return absl::OkStatus();
}

absl::Status CheckView(const StateDictTensor& tensor) {
  if (tensor.stride.size() != tensor.shape.size()) {
    return Invalid("stride %s for shape %s, expected one for each dimension",
                   ShapeString(tensor.stride), ShapeString(tensor.shape));
  }
  const auto span = SpanOf(tensor.shape, tensor.stride);
  if (!span || tensor.offset > tensor.storage_elements ||
      *span > tensor.storage_elements - tensor.offset) {
    return Invalid(
        "shape %s with stride %s from element %d on, expected it inside the "
        "%d elements of storage %s",
        ShapeString(tensor.shape), ShapeString(tensor.stride), tensor.offset,
        tensor.storage_elements, Quoted(tensor.storage));
  }
  if (tensor.elements > tensor.storage_elements) {
    return Invalid(
        "shape %s with stride %s repeats elements: %d of %d in storage %s",
        ShapeString(tensor.shape), ShapeString(tensor.stride), tensor.elements,
        tensor.storage_elements, Quoted(tensor.storage));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsPickledTensor(const PickleValue& value) {
  return value.kind == PickleKind::kCall &&
         value.global->role != PickleRole::kInert;
}

absl::StatusOr<StateDictTensor> ToStateDictTensor(const Pickle& pickle,
                                                  const PickleValue& entry) {
  const PickleValue* call = &entry;
  if (IsPickledTensor(*call) &&
      call->global->role == PickleRole::kRebuildParameter) {
    ASSIGN_OR_RETURN(const auto wrapped, Arguments(pickle, *call, 3, 4));
    call = &pickle[wrapped[0]];
  }
  if (!IsPickledTensor(*call) ||
      call->global->role == PickleRole::kRebuildParameter) {
    return Invalid("is %s, expected a tensor", Describe(*call));
  }
  const bool v3 = call->global->role == PickleRole::kRebuildTensorV3;
  const size_t before_metadata = v3 ? 7 : 6;
  ASSIGN_OR_RETURN(
      const auto arguments,
      Arguments(pickle, *call, before_metadata, before_metadata + 1));

  StateDictTensor tensor;
  RETURN_IF_ERROR(ReadStorage(pickle, pickle[arguments[0]],
                              v3 ? &pickle[arguments[6]] : nullptr, tensor));
  const PickleValue& offset = pickle[arguments[1]];
  if (offset.kind != PickleKind::kInt || offset.number < 0) {
    return Invalid("offset is %s, expected a whole number from 0 on",
                   Describe(offset));
  }
  tensor.offset = offset.number;
  ASSIGN_OR_RETURN(tensor.shape,
                   ToSizes(pickle, pickle[arguments[2]], "shape"));
  ASSIGN_OR_RETURN(tensor.stride,
                   ToSizes(pickle, pickle[arguments[3]], "stride"));
  const auto elements = CheckedElements(tensor.shape);
  if (!elements) {
    return Invalid("shape %s is too large", ShapeString(tensor.shape));
  }
  tensor.elements = *elements;
  // {"neg": True}: the numbers are the negative of what is stored.
  if (arguments.size() > before_metadata) {
    const PickleValue& metadata = pickle[arguments[before_metadata]];
    if (metadata.kind != PickleKind::kDict || !metadata.items.empty()) {
      return Invalid("is a conjugate or negative view; save its clone()");
    }
  }
  RETURN_IF_ERROR(CheckView(tensor));
  return tensor;
}

}  // namespace unroll
