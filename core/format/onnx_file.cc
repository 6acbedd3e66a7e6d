#include "core/format/onnx_file.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"

namespace unroll {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// What Protobuf may take for everything but raw data, and what it takes at most
// for a message, a field of a message, and a byte of packed numbers.
constexpr int64_t kMaxMemory = 32 << 20;
constexpr int64_t kMessageBytes = 320;
constexpr int64_t kFieldBytes = 48;
constexpr int64_t kPackedFactor = 8;
// Fields that no message knows cost time and no memory.
constexpr int64_t kMaxFields = 1'000'000;
constexpr int kMaxDepth = 32;
constexpr int64_t kWindow = 1 << 16;

void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) {
    out += static_cast<char>(value | 0x80);
  }
  out += static_cast<char>(value);
}

// Walks the wire format and copies it without raw data.
class Skeleton {
 public:
  Skeleton(const OnnxBytes& bytes, std::string_view where)
      : bytes_(bytes), where_(where) {}

  // Appends the message of this type at [at, end) to `out`.
  absl::Status Copy(const Descriptor& type, int64_t at, int64_t end, int depth,
                    std::string& out);

 private:
  struct Field {
    int64_t number = 0;
    int wire = 0;
    uint64_t value = 0;  // of a varint
    OnnxExtent content;  // of the other wire types
  };

  absl::StatusOr<Field> ReadField(int64_t& at, int64_t end);
  absl::StatusOr<uint64_t> ReadVarint(int64_t& at, int64_t end);
  absl::StatusOr<char> ReadByte(int64_t at);
  absl::Status AppendBytes(OnnxExtent extent, std::string& out);
  absl::Status AppendContent(const FieldDescriptor& known, const Field& field,
                             int depth, std::string& out);
  absl::Status Spend(int64_t memory);
  absl::Status Invalid(int64_t at, std::string_view what) const {
    return InvalidAt(where_, "byte %d: %s", at, what);
  }

  const OnnxBytes& bytes_;
  const std::string_view where_;
  std::string window_;  // some bytes of the file, from window_begin_ on
  int64_t window_begin_ = 0;
  int64_t memory_ = 0;
  int64_t fields_ = 0;
};

absl::StatusOr<char> Skeleton::ReadByte(int64_t at) {
  const auto in_window = [&] {
    return at >= window_begin_ && at < window_begin_ + std::ssize(window_);
  };
  if (!in_window()) {
    window_.resize(std::min(kWindow, bytes_.size - at));
    window_begin_ = at;
    RETURN_IF_ERROR(bytes_.read(at, std::span<char>(window_)));
  }
  return window_[at - window_begin_];
}

absl::StatusOr<uint64_t> Skeleton::ReadVarint(int64_t& at, int64_t end) {
  const int64_t begin = at;
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at == end) return Invalid(begin, "the message ends in a number");
    ASSIGN_OR_RETURN(const char byte, ReadByte(at++));
    value |= (uint64_t{static_cast<uint8_t>(byte)} & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return Invalid(begin, "a number of more than 10 bytes");
}

absl::StatusOr<Skeleton::Field> Skeleton::ReadField(int64_t& at, int64_t end) {
  const int64_t begin = at;
  if (++fields_ > kMaxFields) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%s: more than %d fields in its messages", where_, kMaxFields));
  }
  Field field;
  ASSIGN_OR_RETURN(const uint64_t tag, ReadVarint(at, end));
  field.number = static_cast<int64_t>(tag >> 3);
  field.wire = static_cast<int>(tag & 7);
  if (field.number == 0 || field.number > FieldDescriptor::kMaxNumber) {
    return Invalid(begin,
                   absl::StrFormat("field number %d, expected 1 to %d",
                                   field.number, FieldDescriptor::kMaxNumber));
  }
  int64_t size = 0;
  switch (field.wire) {
    case WireFormatLite::WIRETYPE_VARINT: {
      ASSIGN_OR_RETURN(field.value, ReadVarint(at, end));
      return field;
    }
    case WireFormatLite::WIRETYPE_FIXED64:
      size = 8;
      break;
    case WireFormatLite::WIRETYPE_FIXED32:
      size = 4;
      break;
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
      ASSIGN_OR_RETURN(const uint64_t length, ReadVarint(at, end));
      // As good as any other length that does not fit.
      size = static_cast<int64_t>(std::min<uint64_t>(length, INT64_MAX));
      break;
    }
    default:
      return Invalid(begin, absl::StrFormat("wire type %d, expected 0, 1, 2 or "
                                            "5",
                                            field.wire));
  }
  if (size > end - at) {
    return Invalid(begin,
                   absl::StrFormat("field %d has %d bytes, but %d are left",
                                   field.number, size, end - at));
  }
  field.content = {at, size};
  at += size;
  return field;
}

absl::Status Skeleton::AppendBytes(OnnxExtent extent, std::string& out) {
  const size_t before = out.size();
  out.resize(before + extent.size);
  return bytes_.read(extent.begin, std::span<char>(out).subspan(before));
}

absl::Status Skeleton::Spend(int64_t memory) {
  memory_ += memory;
  if (memory_ <= kMaxMemory) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s: more than %d MiB of messages besides the tensors' raw_data", where_,
      kMaxMemory >> 20));
}

absl::Status Skeleton::AppendContent(const FieldDescriptor& known,
                                     const Field& field, int depth,
                                     std::string& out) {
  if (field.wire == WireFormatLite::WIRETYPE_VARINT) {
    AppendVarint(field.value, out);
    return absl::OkStatus();
  }
  if (field.wire != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
    return AppendBytes(field.content, out);
  }
  if (known.type() == FieldDescriptor::TYPE_MESSAGE) {
    if (depth == kMaxDepth) {
      return Invalid(
          field.content.begin,
          absl::StrFormat("messages nested deeper than %d", kMaxDepth));
    }
    RETURN_IF_ERROR(Spend(kMessageBytes));
    std::string message;
    RETURN_IF_ERROR(Copy(*known.message_type(), field.content.begin,
                         field.content.begin + field.content.size, depth + 1,
                         message));
    AppendVarint(message.size(), out);
    out += message;
    return absl::OkStatus();
  }
  if (known.containing_type() == onnx::TensorProto::descriptor() &&
      known.number() == onnx::TensorProto::kRawDataFieldNumber) {
    AppendVarint(sizeof(OnnxExtent), out);
    out.append(reinterpret_cast<const char*>(&field.content),
               sizeof(OnnxExtent));
    return absl::OkStatus();
  }
  const bool text = known.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  // No product: the size may be anything that the file has room for.
  RETURN_IF_ERROR(Spend(field.content.size));
  if (!text) RETURN_IF_ERROR(Spend(field.content.size * (kPackedFactor - 1)));
  AppendVarint(field.content.size, out);
  return AppendBytes(field.content, out);
}

absl::Status Skeleton::Copy(const Descriptor& type, int64_t at, int64_t end,
                            int depth, std::string& out) {
  while (at < end) {
    const int64_t begin = at;
    ASSIGN_OR_RETURN(const Field field, ReadField(at, end));
    const FieldDescriptor* known =
        type.FindFieldByNumber(static_cast<int>(field.number));
    if (known == nullptr) continue;  // of a later version of the format
    const int expected = WireFormatLite::WireTypeForFieldType(
        static_cast<WireFormatLite::FieldType>(known->type()));
    const bool packed = known->is_packable() &&
                        field.wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (field.wire != expected && !packed) {
      return Invalid(begin,
                     absl::StrFormat("%s has wire type %d, expected %d",
                                     known->full_name(), field.wire, expected));
    }
    RETURN_IF_ERROR(Spend(kFieldBytes));
    AppendVarint(static_cast<uint64_t>(field.number) << 3 |
                     static_cast<uint64_t>(field.wire),
                 out);
    RETURN_IF_ERROR(AppendContent(*known, field, depth, out));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<onnx::ModelProto> ReadOnnxMessages(const OnnxBytes& bytes,
                                                  std::string_view where) {
  std::string skeleton;
  RETURN_IF_ERROR(
      Skeleton(bytes, where)
          .Copy(*onnx::ModelProto::descriptor(), 0, bytes.size, 0, skeleton));
  onnx::ModelProto model;
  if (!model.ParseFromString(skeleton)) {
    return InvalidAt(where, "Protobuf cannot read it as an ONNX model");
  }
  return model;
}

OnnxExtent RawData(const onnx::TensorProto& tensor) {
  OnnxExtent extent;
  std::memcpy(&extent, tensor.raw_data().data(), sizeof(extent));
  return extent;
}

}  // namespace unroll
