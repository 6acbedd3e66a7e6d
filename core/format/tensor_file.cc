#include "core/format/tensor_file.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll {
const StoredTensor* TensorFile::Find(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const StoredTensor& a, std::string_view b) { return a.name < b; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

absl::StatusOr<Tensor> ReadFloats(const StoredTensor& stored,
                                  const ReadElements& read,
                                  std::string_view where) {
  constexpr int64_t kPiece = 1 << 16;  // elements
  const int64_t width = stored.dtype.bits / 8;
  Tensor tensor{.shape = stored.shape};
  std::vector<char> bytes;
  try {
    tensor.values.resize(stored.elements);
    bytes.resize(std::min(kPiece, stored.elements) * width);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: tensor %s: no memory for %d numbers", where,
                        Quoted(stored.name), stored.elements));
  }
  for (int64_t done = 0; done < stored.elements; done += kPiece) {
    const int64_t count = std::min(kPiece, stored.elements - done);
    const std::span<char> piece = std::span(bytes).first(count * width);
    const std::span<float> values =
        std::span(tensor.values).subspan(done, count);
    RETURN_IF_ERROR(read(done, piece));
    ToFloat32(stored.dtype.dtype, piece, values);
    const auto bad = std::find_if_not(values.begin(), values.end(),
                                      [](float x) { return std::isfinite(x); });
    if (bad != values.end()) {
      return InvalidAt(
          where, "tensor %s: element %s is %g in float32, not finite",
          Quoted(stored.name),
          IndexString(done + (bad - values.begin()), stored.shape), *bad);
    }
  }
  return tensor;
}

}  // namespace unroll
