#ifndef UNROLL_CORE_FORMAT_SAFETENSORS_H_
#define UNROLL_CORE_FORMAT_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/files.h"
#include "core/format/tensor_file.h"

namespace unroll {

// A tensor and where it stands; place and size agree.
struct PlacedTensor : StoredTensor {
  int64_t begin = 0;  // where its bytes are in the data
  int64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<PlacedTensor> tensors;            // ordered by name
  std::map<std::string, std::string> metadata;  // __metadata__
  int64_t data_begin = 0;                       // where the data is in the file
};

// Reads the header of a safetensors file and checks all of it; takes memory for
// the header only. `where` names the file in messages.
// INVALID_ARGUMENT, with the tensor: anything that the format does not allow,
// holes and overlaps in the data included. As File's errors besides.
absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(const File& file,
                                                        std::string_view where);

// The same of a header's JSON, for `data_bytes` of data behind it; leaves
// data_begin alone.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    std::string_view json, int64_t data_bytes, std::string_view where);

// A safetensors file. A tensor that is stored under another's name (as
// safetensors.torch.save_model does, with {"dropped": "written"} as metadata)
// is there under both.
class SafetensorsFile final : public TensorFile {
 public:
  // As ReadSafetensorsHeader.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(
      File file, std::string_view where);

  absl::StatusOr<Tensor> Read(const StoredTensor& stored) const override;
  absl::Status CheckUnchanged() const override;

  // Reads one of tensors() that is I64 or I32.
  // INVALID_ARGUMENT: it is not. As File's errors besides.
  absl::StatusOr<std::vector<int64_t>> ReadIntegers(
      const StoredTensor& stored) const;

 private:
  SafetensorsFile(File file, SafetensorsHeader header, std::string_view where);

  ReadElements Elements(const StoredTensor& stored) const;

  const File file_;
  const std::string where_;
  int64_t data_begin_;
  std::map<std::string, int64_t, std::less<>> begins_;  // of each tensor
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_SAFETENSORS_H_
