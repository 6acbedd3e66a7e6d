#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/checked.h"
#include "core/base/status_macros.h"
#include "core/format/onnx_operations.h"

namespace unroll {
namespace {

Constant Integers(const OnnxNode& node, Shape shape, std::vector<Dim> numbers) {
  return {.name = node.name(),
          .shape = std::move(shape),
          .integers = std::move(numbers)};
}

Constant Floats(const OnnxNode& node, Tensor tensor) {
  Constant constant{.name = node.name(), .shape = tensor.shape};
  constant.floats = std::make_shared<const Tensor>(std::move(tensor));
  return constant;
}

// The one number that a constant has in all its elements.
absl::StatusOr<Value> Fill(const OnnxNode& node, const Constant& constant,
                           Folding& folding) {
  if (constant.integers) {
    const std::vector<Dim>& numbers = *constant.integers;
    if (!numbers.empty() && std::count(numbers.begin(), numbers.end(),
                                       numbers[0]) == std::ssize(numbers)) {
      return Filled{.is_float = false, .whole = numbers[0]};
    }
  } else {
    ASSIGN_OR_RETURN(const Tensor tensor, folding.tensors.Floats(constant));
    const std::vector<float>& numbers = tensor.values;
    if (!numbers.empty() && std::count(numbers.begin(), numbers.end(),
                                       numbers[0]) == std::ssize(numbers)) {
      return Filled{.number = numbers[0]};
    }
  }
  return node.NotServed("repeats numbers that are not all alike");
}

// Numbers that a Constant node has in an attribute of its own type.
OnnxResult FromAttribute(const OnnxNode& node,
                         const onnx::AttributeProto& attribute) {
  switch (attribute.type()) {
    case onnx::AttributeProto::INT:
      return std::vector<Value>{Integers(node, {}, {{attribute.i(), {}}})};
    case onnx::AttributeProto::INTS: {
      std::vector<Dim> numbers;
      for (const int64_t number : attribute.ints()) {
        numbers.push_back({number, {}});
      }
      const Shape shape = {std::ssize(numbers)};
      return std::vector<Value>{Integers(node, shape, std::move(numbers))};
    }
    case onnx::AttributeProto::FLOAT:
      return std::vector<Value>{Floats(node, {{}, {attribute.f()}})};
    case onnx::AttributeProto::FLOATS:
      return std::vector<Value>{Floats(
          node, {{attribute.floats_size()},
                 {attribute.floats().begin(), attribute.floats().end()}})};
    default:
      return node.NotServed("attribute %s is no number", attribute.name());
  }
}

// Elements of a constant of at most one dimension.
absl::StatusOr<const std::vector<Dim>*> ListInput(const OnnxNode& node) {
  const auto* constant = node.InputAs<Constant>(0);
  if (constant == nullptr || !constant->integers ||
      constant->shape.size() > 1) {
    return node.NotServed(
        "reads %s, expected a list of whole numbers or what the network gives",
        node.InputName(0));
  }
  return &*constant->integers;
}

}  // namespace

OnnxResult FoldConstant(const OnnxNode& node, Folding& folding) {
  if (node.proto().attribute_size() != 1) {
    return node.Invalid("%d attributes, expected 1",
                        node.proto().attribute_size());
  }
  const onnx::AttributeProto& attribute = node.proto().attribute(0);
  if (attribute.type() == onnx::AttributeProto::TENSOR) {
    ASSIGN_OR_RETURN(Constant constant,
                     folding.tensors.Load(attribute.t(), node.name()));
    return std::vector<Value>{std::move(constant)};
  }
  return FromAttribute(node, attribute);
}

OnnxResult FoldConstantOfShape(const OnnxNode& node, Folding& folding) {
  const onnx::AttributeProto* value = node.Find("value");
  if (value == nullptr) return std::vector<Value>{Filled()};
  ASSIGN_OR_RETURN(const Constant constant,
                   folding.tensors.Load(value->t(), node.name()));
  ASSIGN_OR_RETURN(Value filled, Fill(node, constant, folding));
  return std::vector<Value>{std::move(filled)};
}

// Expand and Tile.
OnnxResult FoldExpand(const OnnxNode& node, Folding& folding) {
  if (const auto* filled = node.InputAs<Filled>(0)) {
    return std::vector<Value>{*filled};
  }
  const auto* constant = node.InputAs<Constant>(0);
  if (constant == nullptr) {
    return node.NotServed("repeats %s, which is no constant",
                          node.InputName(0));
  }
  ASSIGN_OR_RETURN(Value filled, Fill(node, *constant, folding));
  return std::vector<Value>{std::move(filled)};
}

OnnxResult FoldShape(const OnnxNode& node, Folding&) {
  std::vector<Dim> sizes;
  if (const auto* flow = node.InputAs<Flow>(0)) {
    for (const Axis& axis : flow->axes) {
      std::optional<Dim> size = SizeOf(axis);
      if (!size) return node.Invalid("a size that does not fit");
      sizes.push_back(*std::move(size));
    }
  } else if (const auto* constant = node.InputAs<Constant>(0)) {
    for (const int64_t size : constant->shape) sizes.push_back({size, {}});
  } else {
    return std::vector<Value>{Opaque()};
  }
  const auto rank = std::ssize(sizes);
  ASSIGN_OR_RETURN(int64_t start, node.Int("start", 0));
  ASSIGN_OR_RETURN(int64_t end, node.Int("end", rank));
  start = ClampIndex(start, rank);
  end = std::max(start, ClampIndex(end, rank));
  const Shape shape = {end - start};
  return std::vector<Value>{
      Integers(node, shape, {sizes.begin() + start, sizes.begin() + end})};
}

// Mul and ReduceProd of sizes.
OnnxResult FoldProduct(const OnnxNode& node, Folding&) {
  Dim product;
  Shape shape;
  for (size_t i = 0; i < node.input_count(); ++i) {
    const auto* factor = node.InputAs<Constant>(i);
    const bool list = node.op() == "ReduceProd";
    if (factor == nullptr || !factor->integers ||
        (!list && factor->integers->size() != 1)) {
      return node.NotServed("reads %s, expected sizes", node.InputName(i));
    }
    if (!list) shape = std::max(shape, factor->shape);
    for (const Dim& number : *factor->integers) {
      const std::optional<Dim> next = Multiply(product, number);
      if (!next) return node.Invalid("a product that does not fit");
      product = *next;
    }
    if (list) {
      ASSIGN_OR_RETURN(const int64_t keep, node.Int("keepdims", 1));
      if (factor->shape.size() != 1) return node.NotServed("of no list");
      shape = keep != 0 ? Shape{1} : Shape{};
      break;  // what follows are axes, and there is one
    }
  }
  return std::vector<Value>{Integers(node, shape, {product})};
}

// Conditions and the like, which decide nothing that is served.
OnnxResult FoldOpaque(const OnnxNode& node, Folding&) {
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (node.InputAs<Flow>(i) != nullptr) {
      return node.NotServed("this operation is not served on %s",
                            node.InputName(i));
    }
  }
  return std::vector<Value>(node.proto().output_size(), Opaque());
}

OnnxResult TransposeConstant(const OnnxNode& node, Folding& folding) {
  const auto* constant = node.InputAs<Constant>(0);
  ASSIGN_OR_RETURN(const auto perm, node.Ints("perm"));
  if (constant == nullptr || !constant->is_float() ||
      constant->shape.size() != 2 ||
      (perm && *perm != std::vector<int64_t>{1, 0})) {
    return node.NotServed("transposes constant %s, expected a matrix",
                          node.InputName(0));
  }
  ASSIGN_OR_RETURN(const Tensor tensor, folding.tensors.Floats(*constant));
  RETURN_IF_ERROR(folding.tensors.Take(std::ssize(tensor.values)));
  return std::vector<Value>{Floats(node, Transposed(tensor))};
}

OnnxResult ConcatConstants(const OnnxNode& node, Folding& folding) {
  std::vector<const Constant*> parts;
  for (size_t i = 0; i < node.input_count(); ++i) {
    const auto* part = node.InputAs<Constant>(i);
    if (part == nullptr || part->shape.empty()) {
      return node.NotServed("joins %s with constants", node.InputName(i));
    }
    parts.push_back(part);
  }
  if (parts.empty()) return node.Invalid("no inputs");
  ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", 0));
  ASSIGN_OR_RETURN(const size_t axis,
                   node.AxisIndex(attribute, parts[0]->shape.size()));
  Shape shape = parts[0]->shape;
  shape[axis] = 0;
  for (const Constant* part : parts) {
    Shape rest = part->shape;
    if (axis >= rest.size() || part->is_float() != parts[0]->is_float()) {
      return node.Invalid("joins constants of different kinds");
    }
    if (__builtin_add_overflow(shape[axis], rest[axis], &shape[axis])) {
      return node.Invalid("a size that does not fit");
    }
    rest[axis] = shape[axis];
    if (rest != shape) {
      return node.Invalid("joins %s and %s along axis %d",
                          ShapeString(parts[0]->shape),
                          ShapeString(part->shape), axis);
    }
  }
  if (!parts[0]->is_float()) {
    std::vector<Dim> numbers;
    for (const Constant* part : parts) {
      numbers.insert(numbers.end(), part->integers->begin(),
                     part->integers->end());
      if (shape.size() != 1 || std::ssize(numbers) > kMaxOnnxIntegers) {
        return node.NotServed("joins whole numbers, but not a short list");
      }
    }
    return std::vector<Value>{Integers(node, shape, std::move(numbers))};
  }
  const auto elements = CheckedElements(shape);
  if (!elements) return node.Invalid("a size that does not fit");
  RETURN_IF_ERROR(folding.tensors.Take(*elements));
  Tensor joined = ZeroTensor(shape);
  int64_t outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  const int64_t stride = outer == 0 ? 0 : *elements / outer;
  int64_t begin = 0;
  for (const Constant* part : parts) {
    ASSIGN_OR_RETURN(const Tensor tensor, folding.tensors.Floats(*part));
    const int64_t width = outer == 0 ? 0 : std::ssize(tensor.values) / outer;
    for (int64_t i = 0; i < outer; ++i) {
      std::copy_n(tensor.values.begin() + i * width, width,
                  joined.values.begin() + i * stride + begin);
    }
    begin += width;
  }
  return std::vector<Value>{Floats(node, std::move(joined))};
}

OnnxResult GatherConstant(const OnnxNode& node) {
  ASSIGN_OR_RETURN(const std::vector<Dim>* list, ListInput(node));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices, node.IntegerInput(1));
  std::vector<Dim> chosen;
  for (const int64_t index : indices) {
    ASSIGN_OR_RETURN(const size_t at, node.AxisIndex(index, list->size()));
    chosen.push_back((*list)[at]);
  }
  Shape shape = node.InputAs<Constant>(1)->shape;
  return std::vector<Value>{
      Integers(node, std::move(shape), std::move(chosen))};
}

OnnxResult SliceConstant(const OnnxNode& node) {
  ASSIGN_OR_RETURN(const std::vector<Dim>* list, ListInput(node));
  ASSIGN_OR_RETURN(const auto starts, node.IntsOrInput("starts", 1));
  ASSIGN_OR_RETURN(const auto ends, node.IntsOrInput("ends", 2));
  ASSIGN_OR_RETURN(const auto axes, node.IntsOrInput("axes", 3));
  ASSIGN_OR_RETURN(const auto steps, node.IntsOrInput("steps", 4));
  const std::vector<int64_t> one = {1}, first = {0}, from_end = {-1};
  if (!starts || !ends || starts->size() != 1 || ends->size() != 1 ||
      (axes && *axes != first && *axes != from_end) ||
      (steps && *steps != one)) {
    return node.NotServed("is no plain slice of a list");
  }
  const int64_t size = std::ssize(*list);
  const int64_t begin = ClampIndex((*starts)[0], size);
  const int64_t end = std::max(begin, ClampIndex((*ends)[0], size));
  const Shape shape = {end - begin};
  return std::vector<Value>{
      Integers(node, shape, {list->begin() + begin, list->begin() + end})};
}

}  // namespace unroll
