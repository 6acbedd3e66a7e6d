#include "client/command/output_files.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/array.h"
#include "client/npy.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

class Writer {
 public:
  explicit Writer(const std::string& directory) : directory_(directory) {}

  absl::Status Write(const std::string& name, const v1::Tensor& tensor) {
    ASSIGN_OR_RETURN(Array array, ToArray(tensor));
    return Write(name, "float32",
                 NpyArray{std::move(array.shape), std::move(array.values)});
  }

  absl::Status Write(const std::string& name, const std::string& dtype,
                     const NpyArray& array) {
    const std::string path = absl::StrCat(directory_, "/", name, ".npy");
    RETURN_IF_ERROR(WriteNpy(path, array));
    lines_.push_back(
        absl::StrFormat("%s %s %s", path, dtype, ShapeString(array.shape)));
    return absl::OkStatus();
  }

  std::vector<std::string> TakeLines() { return std::move(lines_); }

 private:
  const std::string& directory_;
  std::vector<std::string> lines_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> WriteResult(
    const v1::SequenceResult& result, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::UnknownError(absl::StrFormat(
        "%s: cannot be made a directory: %s", directory, error.message()));
  }
  Writer writer(directory);
  if (result.has_hidden()) {
    RETURN_IF_ERROR(writer.Write("hidden", result.hidden()));
  }
  for (const auto& [name, tensor] : result.final_state().tensors()) {
    // A name is a file's here: it may not lead elsewhere.
    if (name.find('/') != name.npos) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "state tensor \"%s\": cannot be a file's name", name));
    }
    RETURN_IF_ERROR(writer.Write(name + "_n", tensor));
  }
  if (result.has_scores()) {
    RETURN_IF_ERROR(writer.Write("scores", result.scores()));
  }
  if (result.token_ids_size() > 0) {
    const std::vector<int64_t> ids(result.token_ids().begin(),
                                   result.token_ids().end());
    RETURN_IF_ERROR(
        writer.Write("token_ids", "int64", {{std::ssize(ids)}, ids}));
  }
  return writer.TakeLines();
}

}  // namespace unroll::client
