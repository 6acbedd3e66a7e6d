#ifndef UNROLL_CORE_FORMAT_PYTORCH_FILE_H_
#define UNROLL_CORE_FORMAT_PYTORCH_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/files.h"
#include "core/format/state_dict.h"
#include "core/format/tensor_file.h"
#include "core/format/zip_archive.h"

namespace unroll {

// A checkpoint as torch.save writes it since PyTorch 1.6: a zip archive of
// data.pkl, which says what the tensors are, and an entry of numbers for each
// storage. Nothing of it is run (pickle.h). metadata() has "checkpoint_key"
// where the state_dict is part of a larger checkpoint.
class PytorchFile final : public TensorFile {
 public:
  // Reads the file once, to compare checksums; takes memory for data.pkl only,
  // which may have 4 MiB. `where` names the file in messages.
  // INVALID_ARGUMENT: as ZipArchive and ParseStateDict; a TorchScript archive,
  // or a file of PyTorch before 1.6; a storage that is missing or of another
  // size than data.pkl says. As File's errors besides.
  static absl::StatusOr<std::unique_ptr<PytorchFile>> Open(
      File file, std::string_view where);

  // A tensor that is not stored in one piece (a transposed one, say) takes
  // memory for the part of its storage that it spans.
  absl::StatusOr<Tensor> Read(const StoredTensor& stored) const override;
  absl::Status CheckUnchanged() const override;

 private:
  PytorchFile(std::unique_ptr<ZipArchive> archive, std::string_view where);

  absl::Status ReadDirectory();
  absl::Status FindTop();
  absl::Status ReadByteOrder();
  absl::Status CheckStorages() const;

  // The name of an entry, and of a storage's.
  std::string Name(std::string_view entry) const;
  std::string StorageName(const StateDictTensor& tensor) const;

  // From an element of a tensor's storage on, as little-endian.
  absl::Status ReadStorage(const StateDictTensor& tensor, int64_t first,
                           std::span<char> bytes) const;

  const std::unique_ptr<ZipArchive> archive_;
  const std::string where_;
  std::string top_;  // the folder that all is in
  bool big_endian_ = false;
  std::map<std::string, StateDictTensor, std::less<>> views_;  // by name
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PYTORCH_FILE_H_
