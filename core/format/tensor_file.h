#ifndef UNROLL_CORE_FORMAT_TENSOR_FILE_H_
#define UNROLL_CORE_FORMAT_TENSOR_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/format/dtype.h"
#include "core/model/tensor.h"

namespace unroll {

// The most dimensions of a tensor, whatever the format, and bytes of its name:
// patterns are matched with names.
inline constexpr size_t kMaxDimensions = 8;
inline constexpr size_t kMaxTensorNameBytes = 1000;

// What a file says of one of its tensors before the tensor is read.
struct StoredTensor {
  std::string name;
  DtypeInfo dtype;
  Shape shape;
  int64_t elements = 0;  // the product of `shape`
};

// A file of named tensors, open for reading. What it says of them agrees with
// itself and with the file's size.
class TensorFile {
 public:
  virtual ~TensorFile() = default;

  // Ordered by name; no two have the same. Tensors that share memory are there
  // under each of their names.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  // Null: there is no such tensor.
  const StoredTensor* Find(std::string_view name) const;
  // What else the file says, as it stands there.
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }

  // Reads one of tensors() as float32, dense and row-major, a piece at a time,
  // so that little memory is held besides the result.
  // INVALID_ARGUMENT: a value that is not finite in float32 (says which).
  // RESOURCE_EXHAUSTED: no memory. As File's errors besides.
  // REQUIRES: its dtype is not kOther.
  virtual absl::StatusOr<Tensor> Read(const StoredTensor& stored) const = 0;

  // ABORTED: the file was written since it was opened.
  virtual absl::Status CheckUnchanged() const = 0;

 protected:
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// For the readers of formats: fills `bytes` with elements of a tensor, in its
// row-major order, from the element `first` on; whole elements.
using ReadElements =
    std::function<absl::Status(int64_t first, std::span<char> bytes)>;

// TensorFile::Read on top of it. `where` names the file in messages.
absl::StatusOr<Tensor> ReadFloats(const StoredTensor& stored,
                                  const ReadElements& read,
                                  std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_TENSOR_FILE_H_
