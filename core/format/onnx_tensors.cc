#include "core/format/onnx_tensors.h"

#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/checked.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/tensor_file.h"

namespace unroll {
namespace {

using onnx::TensorProto;

template <typename... Args>
absl::Status InvalidTensor(std::string_view where, std::string_view name,
                           const absl::FormatSpec<Args...>& format,
                           const Args&... args) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: tensor %s: %s", where, Quoted(name),
                      absl::StrFormat(format, args...)));
}

std::string TypeName(int type) {
  return TensorProto::DataType_IsValid(type)
             ? TensorProto::DataType_Name(
                   static_cast<TensorProto::DataType>(type))
             : absl::StrFormat("%d", type);
}

std::optional<DtypeInfo> DtypeOf(int type) {
  switch (type) {
    case TensorProto::FLOAT:
      return FindDtype("F32");
    case TensorProto::DOUBLE:
      return FindDtype("F64");
    case TensorProto::FLOAT16:
      return FindDtype("F16");
    case TensorProto::BFLOAT16:
      return FindDtype("BF16");
    case TensorProto::INT64:
      return FindDtype("I64");
    case TensorProto::INT32:
      return FindDtype("I32");
    case TensorProto::BOOL:
      return FindDtype("BOOL");
    default:
      return std::nullopt;
  }
}

// How many numbers the field has that goes with the type when there is no
// raw_data, and how many there are in all such fields.
int64_t TypedNumbers(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      return tensor.float_data_size();
    case TensorProto::DOUBLE:
      return tensor.double_data_size();
    case TensorProto::INT64:
      return tensor.int64_data_size();
    default:
      return tensor.int32_data_size();
  }
}
int64_t AllTypedNumbers(const TensorProto& tensor) {
  return int64_t{tensor.float_data_size()} + tensor.double_data_size() +
         tensor.int64_data_size() + tensor.int32_data_size() +
         tensor.uint64_data_size() + tensor.string_data_size();
}

template <typename Number>
void CopyNumbers(const Number* numbers, int64_t first, std::span<char> bytes) {
  std::memcpy(bytes.data(), numbers + first, bytes.size());
}

// 16-bit floats stand in int32_data, one in the low half of each.
absl::Status CopyHalves(const TensorProto& tensor, int64_t first,
                        std::span<char> bytes) {
  for (size_t i = 0; i < bytes.size() / 2; ++i) {
    const int32_t number = tensor.int32_data(static_cast<int>(first + i));
    if (number < 0 || number > 0xFFFF) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "int32_data %d is %d, expected 16 bits", first + i, number));
    }
    const auto half = static_cast<uint16_t>(number);
    std::memcpy(&bytes[2 * i], &half, sizeof(half));
  }
  return absl::OkStatus();
}

ReadElements Elements(const OnnxBytes& bytes, const TensorProto& tensor,
                      int64_t width) {
  if (tensor.has_raw_data()) {
    const int64_t begin = RawData(tensor).begin;
    return [&bytes, begin, width](int64_t first, std::span<char> out) {
      return out.empty() ? absl::OkStatus()
                         : bytes.read(begin + first * width, out);
    };
  }
  return [&tensor](int64_t first, std::span<char> out) {
    if (out.empty()) return absl::OkStatus();
    switch (tensor.data_type()) {
      case TensorProto::FLOAT:
        CopyNumbers(tensor.float_data().data(), first, out);
        return absl::OkStatus();
      case TensorProto::DOUBLE:
        CopyNumbers(tensor.double_data().data(), first, out);
        return absl::OkStatus();
      case TensorProto::INT64:
        CopyNumbers(tensor.int64_data().data(), first, out);
        return absl::OkStatus();
      case TensorProto::INT32:
        CopyNumbers(tensor.int32_data().data(), first, out);
        return absl::OkStatus();
      default:
        return CopyHalves(tensor, first, out);
    }
  };
}

template <typename Integer>
absl::StatusOr<std::vector<Dim>> ReadIntegers(const ReadElements& read,
                                              int64_t count) {
  std::vector<Integer> numbers(count);
  RETURN_IF_ERROR(read(0, {reinterpret_cast<char*>(numbers.data()),
                           numbers.size() * sizeof(Integer)}));
  std::vector<Dim> dims;
  for (const Integer number : numbers) dims.push_back({number, {}});
  return dims;
}

// What a tensor says of itself. INVALID_ARGUMENT, UNIMPLEMENTED: as Load.
absl::StatusOr<StoredTensor> Describe(const TensorProto& tensor,
                                      std::string_view name,
                                      std::string_view where) {
  if (tensor.data_location() == TensorProto::EXTERNAL ||
      tensor.external_data_size() > 0) {
    std::string location;
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") location = entry.value();
    }
    return absl::UnimplementedError(absl::StrFormat(
        "%s: tensor %s: its data is in another file, %s; expected all data in "
        "this one",
        where, Quoted(name), Quoted(location)));
  }
  if (tensor.has_segment()) {
    return absl::UnimplementedError(absl::StrFormat(
        "%s: tensor %s: stored in segments, which is not served", where,
        Quoted(name)));
  }
  StoredTensor stored{.name = std::string(name)};
  if (std::cmp_greater(tensor.dims_size(), kMaxDimensions)) {
    return InvalidTensor(where, name, "%d dimensions, expected at most %d",
                         tensor.dims_size(), kMaxDimensions);
  }
  stored.shape.assign(tensor.dims().begin(), tensor.dims().end());
  const auto dtype = DtypeOf(tensor.data_type());
  if (!dtype) {
    return InvalidTensor(where, name,
                         "type %s, expected FLOAT, DOUBLE, FLOAT16, BFLOAT16, "
                         "INT64, INT32 or BOOL",
                         TypeName(tensor.data_type()));
  }
  stored.dtype = *dtype;
  for (const int64_t dimension : stored.shape) {
    if (dimension < 0) {
      return InvalidTensor(where, name, "shape %s has a negative dimension",
                           ShapeString(stored.shape));
    }
  }
  const auto elements = CheckedElements(stored.shape);
  const auto bytes =
      elements ? CheckedMultiply(*elements, dtype->bits / 8) : std::nullopt;
  if (!bytes) {
    return InvalidTensor(where, name, "shape %s is too large",
                         ShapeString(stored.shape));
  }
  stored.elements = *elements;
  if (tensor.has_raw_data()) {
    if (AllTypedNumbers(tensor) != 0) {
      return InvalidTensor(where, name, "both raw_data and a typed field");
    }
    if (RawData(tensor).size != *bytes) {
      return InvalidTensor(
          where, name, "%d bytes of data, expected %d for %s %s",
          RawData(tensor).size, *bytes, TypeName(tensor.data_type()),
          ShapeString(stored.shape));
    }
  } else if (TypedNumbers(tensor) != *elements ||
             AllTypedNumbers(tensor) != *elements) {
    return InvalidTensor(
        where, name, "%d numbers of data, expected %d for %s %s",
        TypedNumbers(tensor), *elements, TypeName(tensor.data_type()),
        ShapeString(stored.shape));
  }
  return stored;
}

}  // namespace

Tensor Transposed(const Tensor& matrix) {
  const int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  Tensor transposed = ZeroTensor({columns, rows});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      transposed.values[j * rows + i] = matrix.values[i * columns + j];
    }
  }
  return transposed;
}

absl::StatusOr<Constant> OnnxTensors::Load(const TensorProto& tensor,
                                           std::string_view name) const {
  ASSIGN_OR_RETURN(const StoredTensor stored, Describe(tensor, name, where_));
  Constant constant{
      .stored = &tensor, .name = stored.name, .shape = stored.shape};
  if (stored.dtype.dtype != Dtype::kOther) return constant;
  if (stored.elements > kMaxOnnxIntegers) {
    return InvalidTensor(where_, name, "%d whole numbers, expected at most %d",
                         stored.elements, kMaxOnnxIntegers);
  }
  const ReadElements read = Elements(bytes_, tensor, stored.dtype.bits / 8);
  if (stored.dtype.name == "I64") {
    ASSIGN_OR_RETURN(constant.integers,
                     ReadIntegers<int64_t>(read, stored.elements));
  } else if (stored.dtype.name == "I32") {
    ASSIGN_OR_RETURN(constant.integers,
                     ReadIntegers<int32_t>(read, stored.elements));
  } else if (tensor.has_raw_data()) {  // BOOL
    ASSIGN_OR_RETURN(constant.integers,
                     ReadIntegers<int8_t>(read, stored.elements));
  } else {
    constant.integers.emplace();
    for (const int32_t number : tensor.int32_data()) {
      constant.integers->push_back({number, {}});
    }
  }
  return constant;
}

absl::Status OnnxTensors::Take(int64_t floats) {
  if (floats <= left_ / static_cast<int64_t>(sizeof(float))) {
    left_ -= floats * static_cast<int64_t>(sizeof(float));
    return absl::OkStatus();
  }
  left_ = 0;
  return absl::ResourceExhaustedError(
      absl::StrFormat("%s: the tensors take more than %d bytes as float32, "
                      "which is all the memory there is for them",
                      where_, max_bytes_));
}

absl::StatusOr<Tensor> OnnxTensors::Floats(const Constant& constant) {
  if (constant.stored == nullptr) {
    RETURN_IF_ERROR(Take(std::ssize(constant.floats->values)));
    return Tensor{constant.shape, constant.floats->values};
  }
  ASSIGN_OR_RETURN(StoredTensor stored,
                   Describe(*constant.stored, constant.name, where_));
  RETURN_IF_ERROR(Take(stored.elements));
  stored.shape = constant.shape;  // as reshaped
  return ReadFloats(stored,
                    Elements(bytes_, *constant.stored, stored.dtype.bits / 8),
                    where_);
}

}  // namespace unroll
