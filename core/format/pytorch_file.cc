#include "core/format/pytorch_file.h"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/strided.h"

namespace unroll {
namespace {

// Describes some 16,000 tensors.
constexpr int64_t kMaxPickleBytes = 4 << 20;
constexpr std::string_view kPickle = "data.pkl";
constexpr std::string_view kHint =
    "save it again: torch.save(model.state_dict(), \"model.pt\")";

// PyTorch before 1.6 wrote pickles, one behind the other: the first is a magic
// number; before 0.2 it wrote tar archives.
absl::Status CheckNotLegacy(const File& file, std::string_view where) {
  constexpr std::string_view kMagic =
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  constexpr std::string_view kTar = "ustar";
  constexpr int64_t kTarAt = 257;
  std::string start(std::min<int64_t>(file.size(), 512), '\0');
  RETURN_IF_ERROR(file.ReadAt(0, start));
  if (start.starts_with(kMagic) ||
      (start.size() > kTarAt && start.compare(kTarAt, 5, kTar) == 0)) {
    return InvalidAt(where, "in the format of PyTorch before 1.6; %s", kHint);
  }
  return absl::OkStatus();
}

void SwapBytes(std::span<char> bytes, size_t width) {
  for (size_t i = 0; i < bytes.size(); i += width) {
    const std::span<char> element = bytes.subspan(i, width);
    std::reverse(element.begin(), element.end());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PytorchFile>> PytorchFile::Open(
    File file, std::string_view where) {
  RETURN_IF_ERROR(CheckNotLegacy(file, where));
  ASSIGN_OR_RETURN(std::unique_ptr<ZipArchive> archive,
                   ZipArchive::Open(std::move(file), where));
  std::unique_ptr<PytorchFile> opened(
      new PytorchFile(std::move(archive), where));
  RETURN_IF_ERROR(opened->ReadDirectory());
  return opened;
}

PytorchFile::PytorchFile(std::unique_ptr<ZipArchive> archive,
                         std::string_view where)
    : archive_(std::move(archive)), where_(where) {}

absl::Status PytorchFile::ReadDirectory() {
  RETURN_IF_ERROR(FindTop());
  RETURN_IF_ERROR(ReadByteOrder());
  ASSIGN_OR_RETURN(const std::string pickle,
                   archive_->ReadAll(Name(kPickle), kMaxPickleBytes));
  ASSIGN_OR_RETURN(StateDict state_dict, ParseStateDict(pickle, where_));
  if (!state_dict.checkpoint_key.empty()) {
    metadata_.emplace("checkpoint_key", state_dict.checkpoint_key);
  }
  for (StateDictTensor& tensor : state_dict.tensors) {
    tensors_.push_back(tensor);
    std::string name = tensor.name;
    views_.emplace(std::move(name), std::move(tensor));
  }
  return CheckStorages();
}

// The folder has the name that the file had when it was saved.
absl::Status PytorchFile::FindTop() {
  for (const auto& [name, entry] : archive_->entries()) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != kPickle) {
      continue;
    }
    if (!top_.empty()) {
      return InvalidAt(where_, "entries %s and %s, expected one %s",
                       Quoted(name), Quoted(Name(kPickle)), kPickle);
    }
    top_ = name.substr(0, slash);
  }
  if (top_.empty()) {
    return InvalidAt(where_, "a zip archive without a %s in a folder; %s",
                     kPickle, kHint);
  }
  if (archive_->entries().contains(Name("constants.pkl"))) {
    return InvalidAt(where_, "a TorchScript program, not a state_dict; %s",
                     kHint);
  }
  return absl::OkStatus();
}

absl::Status PytorchFile::ReadByteOrder() {
  const std::string name = Name("byteorder");
  if (!archive_->entries().contains(name)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string order, archive_->ReadAll(name, 100));
  if (order != "little" && order != "big") {
    return InvalidAt(where_, "entry %s is %s, expected \"little\" or \"big\"",
                     Quoted(name), Quoted(order));
  }
  big_endian_ = order == "big";
  return absl::OkStatus();
}

absl::Status PytorchFile::CheckStorages() const {
  std::map<std::string, const StateDictTensor*> checked;  // by storage
  for (const auto& [name, tensor] : views_) {
    const std::string entry_name = StorageName(tensor);
    const auto entry = archive_->entries().find(entry_name);
    if (entry == archive_->entries().end()) {
      return InvalidAt(where_, "tensor %s: entry %s is missing", Quoted(name),
                       Quoted(entry_name));
    }
    const int64_t bytes = tensor.storage_elements * (tensor.dtype.bits / 8);
    if (entry->second.size != bytes) {
      return InvalidAt(where_,
                       "tensor %s: entry %s has %d bytes, expected %d for %d "
                       "elements of %s",
                       Quoted(name), Quoted(entry_name), entry->second.size,
                       bytes, tensor.storage_elements, tensor.dtype.name);
    }
    const auto [first, is_first] = checked.emplace(tensor.storage, &tensor);
    if (is_first) {
      RETURN_IF_ERROR(archive_->CheckBytes(entry_name));
    } else if (first->second->dtype.name != tensor.dtype.name) {
      return InvalidAt(where_, "tensors %s and %s: %s and %s in one storage",
                       Quoted(first->second->name), Quoted(name),
                       first->second->dtype.name, tensor.dtype.name);
    }
  }
  return absl::OkStatus();
}

std::string PytorchFile::Name(std::string_view entry) const {
  return absl::StrFormat("%s/%s", top_, entry);
}

std::string PytorchFile::StorageName(const StateDictTensor& tensor) const {
  return absl::StrFormat("%s/data/%s", top_, tensor.storage);
}

absl::Status PytorchFile::ReadStorage(const StateDictTensor& tensor,
                                      int64_t first,
                                      std::span<char> bytes) const {
  const int64_t width = tensor.dtype.bits / 8;
  const auto entry = archive_->entries().find(StorageName(tensor));
  RETURN_IF_ERROR(archive_->ReadAt(entry->second, first * width, bytes));
  if (big_endian_) SwapBytes(bytes, static_cast<size_t>(width));
  return absl::OkStatus();
}

absl::StatusOr<Tensor> PytorchFile::Read(const StoredTensor& stored) const {
  const StateDictTensor& tensor = views_.find(stored.name)->second;
  if (tensor.elements == 0 || IsContiguous(tensor.shape, tensor.stride)) {
    return ReadFloats(
        stored,
        [&](int64_t first, std::span<char> bytes) {
          return ReadStorage(tensor, tensor.offset + first, bytes);
        },
        where_);
  }
  const int64_t width = tensor.dtype.bits / 8;
  std::vector<char> range;
  try {
    range.resize(*SpanOf(tensor.shape, tensor.stride) * width);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%s: tensor %s: no memory for the part of storage %s that it spans",
        where_, Quoted(stored.name), Quoted(tensor.storage)));
  }
  RETURN_IF_ERROR(ReadStorage(tensor, tensor.offset, range));
  return ReadFloats(
      stored,
      [&](int64_t first, std::span<char> bytes) {
        CopyStrided(tensor.shape, tensor.stride, width, range, first, bytes);
        return absl::OkStatus();
      },
      where_);
}

absl::Status PytorchFile::CheckUnchanged() const {
  return archive_->CheckUnchanged();
}

}  // namespace unroll
