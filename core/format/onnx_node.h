#ifndef UNROLL_CORE_FORMAT_ONNX_NODE_H_
#define UNROLL_CORE_FORMAT_ONNX_NODE_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "core/format/onnx_value.h"

namespace unroll {

// An end of a Python slice of `size` elements: from the end if negative, cut to
// 0 to `size`.
int64_t ClampIndex(int64_t at, int64_t size);

// Whether an operation is of ONNX's own set.
bool IsStandard(const onnx::NodeProto& node);

// "RNN", or "domain::Op" for operations of other sets.
std::string OpName(const onnx::NodeProto& node);

// A node with the values that it reads, as the handlers of operations see it.
// For messages, all of which name node and operation; borrowed for the call.
class OnnxNode {
 public:
  // `inputs` are those of `proto`, null where one is left out.
  OnnxNode(const onnx::NodeProto& proto, std::vector<const Value*> inputs,
           int64_t opset, std::string_view where);

  const onnx::NodeProto& proto() const { return proto_; }
  const std::string& op() const { return proto_.op_type(); }
  int64_t opset() const { return opset_; }
  std::string_view where() const { return where_; }
  // Its name, or its first output's if it has none.
  const std::string& name() const;

  // Null: left out, or it is not of that kind.
  const Value* input(size_t i) const {
    return i < inputs_.size() ? inputs_[i] : nullptr;
  }
  size_t input_count() const { return inputs_.size(); }
  template <typename Kind>
  const Kind* InputAs(size_t i) const {
    return input(i) == nullptr ? nullptr : std::get_if<Kind>(input(i));
  }
  // What input i is called in the file: `"x"`.
  std::string InputName(size_t i) const;

  // Attributes; INVALID_ARGUMENT: there under another type.
  absl::StatusOr<int64_t> Int(std::string_view name, int64_t otherwise) const;
  absl::StatusOr<float> Float(std::string_view name, float otherwise) const;
  absl::StatusOr<std::string> String(std::string_view name,
                                     std::string_view otherwise) const;
  absl::StatusOr<std::optional<std::vector<int64_t>>> Ints(
      std::string_view name) const;
  absl::StatusOr<std::vector<std::string>> Strings(std::string_view name) const;
  // Null: there is none.
  const onnx::AttributeProto* Find(std::string_view name) const;

  // The whole numbers of input i. UNIMPLEMENTED: it is not constant.
  absl::StatusOr<std::vector<int64_t>> IntegerInput(size_t i) const;
  // `axes` and the like: an attribute in older operation sets, input i in newer
  // ones. Nothing: left out.
  absl::StatusOr<std::optional<std::vector<int64_t>>> IntsOrInput(
      std::string_view name, size_t i) const;

  // An axis of that many, counted from the end if negative, from 0.
  absl::StatusOr<size_t> AxisIndex(int64_t axis, size_t rank) const;

  // "model.onnx: node "Conv_3" (Conv): ".
  std::string Place() const;
  template <typename... Args>
  absl::Status Invalid(const absl::FormatSpec<Args...>& format,
                       const Args&... args) const {
    return absl::InvalidArgumentError(Place() +
                                      absl::StrFormat(format, args...));
  }
  template <typename... Args>
  absl::Status NotServed(const absl::FormatSpec<Args...>& format,
                         const Args&... args) const {
    return absl::UnimplementedError(Place() + absl::StrFormat(format, args...));
  }

 private:
  absl::StatusOr<const onnx::AttributeProto*> Attribute(
      std::string_view name, onnx::AttributeProto::AttributeType type) const;

  const onnx::NodeProto& proto_;
  const std::vector<const Value*> inputs_;
  const int64_t opset_;
  const std::string_view where_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_ONNX_NODE_H_
