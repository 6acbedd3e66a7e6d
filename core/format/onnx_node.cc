#include "core/format/onnx_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {

using onnx::AttributeProto;

int64_t ClampIndex(int64_t at, int64_t size) {
  return std::clamp<int64_t>(at < 0 ? std::max(at, -size) + size : at, 0, size);
}

bool IsStandard(const onnx::NodeProto& node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}

std::string OpName(const onnx::NodeProto& node) {
  return Printable(IsStandard(node)
                       ? node.op_type()
                       : absl::StrCat(node.domain(), "::", node.op_type()));
}

OnnxNode::OnnxNode(const onnx::NodeProto& proto,
                   std::vector<const Value*> inputs, int64_t opset,
                   std::string_view where)
    : proto_(proto), inputs_(std::move(inputs)), opset_(opset), where_(where) {}

const std::string& OnnxNode::name() const {
  return proto_.name().empty() && proto_.output_size() > 0 ? proto_.output(0)
                                                           : proto_.name();
}

std::string OnnxNode::InputName(size_t i) const {
  return Quoted(std::cmp_less(i, proto_.input_size())
                    ? proto_.input(static_cast<int>(i))
                    : "");
}

std::string OnnxNode::Place() const {
  return absl::StrFormat("%s: node %s (%s): ", where_, Quoted(name()),
                         OpName(proto_));
}

const AttributeProto* OnnxNode::Find(std::string_view name) const {
  for (const AttributeProto& attribute : proto_.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

absl::StatusOr<const AttributeProto*> OnnxNode::Attribute(
    std::string_view name, AttributeProto::AttributeType type) const {
  const AttributeProto* attribute = Find(name);
  if (attribute == nullptr || attribute->type() == type) return attribute;
  return Invalid("attribute %s is %s, expected %s", name,
                 AttributeProto::AttributeType_Name(attribute->type()),
                 AttributeProto::AttributeType_Name(type));
}

absl::StatusOr<int64_t> OnnxNode::Int(std::string_view name,
                                      int64_t otherwise) const {
  ASSIGN_OR_RETURN(const AttributeProto* found,
                   Attribute(name, AttributeProto::INT));
  return found == nullptr ? otherwise : found->i();
}

absl::StatusOr<float> OnnxNode::Float(std::string_view name,
                                      float otherwise) const {
  ASSIGN_OR_RETURN(const AttributeProto* found,
                   Attribute(name, AttributeProto::FLOAT));
  return found == nullptr ? otherwise : found->f();
}

absl::StatusOr<std::string> OnnxNode::String(std::string_view name,
                                             std::string_view otherwise) const {
  ASSIGN_OR_RETURN(const AttributeProto* found,
                   Attribute(name, AttributeProto::STRING));
  return found == nullptr ? std::string(otherwise) : found->s();
}

absl::StatusOr<std::optional<std::vector<int64_t>>> OnnxNode::Ints(
    std::string_view name) const {
  ASSIGN_OR_RETURN(const AttributeProto* found,
                   Attribute(name, AttributeProto::INTS));
  if (found == nullptr) return std::nullopt;
  return std::vector<int64_t>(found->ints().begin(), found->ints().end());
}

absl::StatusOr<std::vector<std::string>> OnnxNode::Strings(
    std::string_view name) const {
  ASSIGN_OR_RETURN(const AttributeProto* found,
                   Attribute(name, AttributeProto::STRINGS));
  if (found == nullptr) return std::vector<std::string>();
  return std::vector<std::string>(found->strings().begin(),
                                  found->strings().end());
}

absl::StatusOr<std::vector<int64_t>> OnnxNode::IntegerInput(size_t i) const {
  const auto* constant = InputAs<Constant>(i);
  if (constant == nullptr || !constant->integers) {
    return NotServed("input %d, %s, is no constant of whole numbers", i,
                     InputName(i));
  }
  std::vector<int64_t> numbers;
  for (const Dim& dim : *constant->integers) {
    if (!dim.known()) {
      return NotServed("input %d, %s, depends on the input's size", i,
                       InputName(i));
    }
    numbers.push_back(dim.number);
  }
  return numbers;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> OnnxNode::IntsOrInput(
    std::string_view name, size_t i) const {
  ASSIGN_OR_RETURN(std::optional<std::vector<int64_t>> ints, Ints(name));
  if (input(i) == nullptr) return ints;
  if (ints) return Invalid("both attribute and input %s", name);
  return IntegerInput(i);
}

absl::StatusOr<size_t> OnnxNode::AxisIndex(int64_t axis, size_t rank) const {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return Invalid("axis %d of %d", axis, rank);
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

}  // namespace unroll
