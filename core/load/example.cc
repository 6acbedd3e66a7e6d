#include "core/load/example.h"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/files.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/safetensors.h"
#include "core/load/model_files.h"

namespace unroll {
namespace {

constexpr int64_t kMaxBytes = 16 << 20;
// What running them takes grows with H: the file's size does not bound it.
constexpr int64_t kMaxSteps = 4096;

class ExampleReader {
 public:
  ExampleReader(const SafetensorsFile& file, const ModelInfo& info)
      : file_(file), info_(info) {}

  absl::StatusOr<Example> Read() {
    RETURN_IF_ERROR(CheckNames());
    RETURN_IF_ERROR(ReadInput());
    const Spec& spec = info_.spec;
    const int64_t states = spec.num_layers * spec.directions;
    const int64_t n = example_.sequences;
    const int64_t t = example_.steps;
    const Shape state = batched_ ? Shape{states, n, spec.hidden_size}
                                 : Shape{states, spec.hidden_size};
    ASSIGN_OR_RETURN(std::optional<Tensor> h_0, ReadTensor("h_0", state));
    if (h_0) example_.h_0 = *std::move(h_0);
    ASSIGN_OR_RETURN(example_.h_n, ReadTensor("h_n", state));
    ASSIGN_OR_RETURN(example_.hidden,
                     ReadTensor("hidden", Rows({t, spec.hidden_width()})));
    if (info_.head) {
      const int64_t c = info_.head->classes();
      ASSIGN_OR_RETURN(
          example_.scores,
          ReadTensor("scores",
                     Rows(info_.head->each_step() ? Shape{t, c} : Shape{c})));
    }
    if (!example_.hidden && !example_.h_n && !example_.scores) {
      return InvalidAt(kExampleFile,
                       "nothing to compare: no hidden, h_n or scores");
    }
    return std::move(example_);
  }

 private:
  absl::Status CheckNames() const {
    std::set<std::string_view> known = {"input", "tokens", "h_0", "hidden",
                                        "h_n"};
    if (info_.head) known.insert("scores");
    for (const StoredTensor& tensor : file_.tensors()) {
      if (known.contains(tensor.name)) continue;
      std::vector<std::string> names;
      for (const std::string_view name : known) names.push_back(Quoted(name));
      return InvalidAt(kExampleFile, "unknown tensor %s, known are %s%s",
                       Quoted(tensor.name), ListForMessage(names),
                       info_.head ? "" : " (there is no head)");
    }
    return absl::OkStatus();
  }

  absl::Status ReadInput() {
    const bool takes_tokens = info_.vocabulary_size > 0;
    const char* name = takes_tokens ? "tokens" : "input";
    const char* other = takes_tokens ? "input" : "tokens";
    if (file_.Find(other) != nullptr) {
      return InvalidAt(kExampleFile,
                       "tensor \"%s\", but the model takes \"%s\"", other,
                       name);
    }
    const StoredTensor* stored = file_.Find(name);
    if (stored == nullptr) {
      return InvalidAt(kExampleFile, "no tensor \"%s\"", name);
    }
    // [T] or [N, T] of tokens, [T, I] or [N, T, I] of features.
    Shape shape = stored->shape;
    const size_t rank = takes_tokens ? 1 : 2;
    const std::string expected =
        takes_tokens
            ? std::string("[N,T] or [T]")
            : absl::StrFormat("[N,T,%d] or [T,%d]", info_.spec.input_size,
                              info_.spec.input_size);
    if (shape.size() < rank || shape.size() > rank + 1 ||
        stored->elements == 0 ||
        (!takes_tokens && shape.back() != info_.spec.input_size)) {
      return WrongShape(*stored, expected);
    }
    batched_ = shape.size() == rank + 1;
    example_.sequences = batched_ ? shape[0] : 1;
    example_.steps = shape[batched_ ? 1 : 0];
    if (example_.sequences > kMaxSteps / example_.steps) {
      return InvalidAt(
          kExampleFile,
          "%d sequences of %d steps, expected at most %d steps in all",
          example_.sequences, example_.steps, kMaxSteps);
    }
    return takes_tokens ? ReadTokens(*stored) : ReadFeatures(*stored);
  }

  absl::Status ReadFeatures(const StoredTensor& stored) {
    RETURN_IF_ERROR(CheckFloats(stored));
    ASSIGN_OR_RETURN(Tensor tensor, file_.Read(stored));
    example_.features = std::move(tensor.values);
    return absl::OkStatus();
  }

  absl::Status ReadTokens(const StoredTensor& stored) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> ids,
                     file_.ReadIntegers(stored));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= info_.vocabulary_size) {
        return InvalidAt(kExampleFile,
                         "tokens: element %d is %d, expected 0 to %d", i,
                         ids[i], info_.vocabulary_size - 1);
      }
      example_.tokens.push_back(static_cast<int32_t>(ids[i]));
    }
    return absl::OkStatus();
  }

  // `shape` with N in front, if there is an N.
  Shape Rows(Shape shape) const {
    if (batched_) shape.insert(shape.begin(), example_.sequences);
    return shape;
  }

  absl::StatusOr<std::optional<Tensor>> ReadTensor(const char* name,
                                                   const Shape& shape) const {
    const StoredTensor* stored = file_.Find(name);
    if (stored == nullptr) return std::nullopt;
    RETURN_IF_ERROR(CheckFloats(*stored));
    if (stored->shape != shape) return WrongShape(*stored, ShapeString(shape));
    return file_.Read(*stored);
  }

  static absl::Status CheckFloats(const StoredTensor& stored) {
    if (stored.dtype.dtype != Dtype::kOther) return absl::OkStatus();
    return InvalidAt(kExampleFile,
                     "tensor %s: dtype %s, expected F32, F64, F16 or BF16",
                     Quoted(stored.name), stored.dtype.name);
  }

  static absl::Status WrongShape(const StoredTensor& stored,
                                 std::string_view expected) {
    return InvalidAt(kExampleFile, "tensor %s: shape %s, expected %s",
                     Quoted(stored.name), ShapeString(stored.shape), expected);
  }

  const SafetensorsFile& file_;
  const ModelInfo& info_;
  bool batched_ = true;
  Example example_;
};

}  // namespace

absl::StatusOr<std::optional<Example>> LoadExample(const ModelPath& path,
                                                   const ModelInfo& info) {
  for (const std::string* directory :
       {&path.directory, &path.model_directory}) {
    auto opened = File::Open(absl::StrCat(*directory, "/", kExampleFile));
    if (absl::IsNotFound(opened.status())) continue;
    if (!opened.ok()) return opened.status();
    if (opened->size() > kMaxBytes) {
      return InvalidAt(kExampleFile, "%d bytes, expected at most %d",
                       opened->size(), kMaxBytes);
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> file,
                     SafetensorsFile::Open(*std::move(opened), kExampleFile));
    ASSIGN_OR_RETURN(Example example, ExampleReader(*file, info).Read());
    RETURN_IF_ERROR(file->CheckUnchanged());
    return example;
  }
  return std::nullopt;
}

}  // namespace unroll
