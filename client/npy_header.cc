#include "client/npy_header.h"

#include <charconv>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

constexpr size_t kMaxDimensions = 32;  // numpy's own limit

// Reads the few Python literals that numpy writes, from front to back.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // Skips white space, then `symbol` if it is next.
  bool Take(char symbol) {
    SkipSpace();
    if (position_ == text_.size() || text_[position_] != symbol) return false;
    ++position_;
    return true;
  }

  absl::Status Expect(char symbol) {
    if (Take(symbol)) return absl::OkStatus();
    return Unexpected(absl::StrFormat("'%c'", symbol));
  }

  absl::StatusOr<std::string> String() {
    for (char quote : {'\'', '"'}) {
      if (!Take(quote)) continue;
      const size_t end = text_.find(quote, position_);
      if (end == text_.npos) break;
      const std::string value(text_.substr(position_, end - position_));
      position_ = end + 1;
      return value;
    }
    return Unexpected("a string");
  }

  absl::StatusOr<bool> Bool() {
    SkipSpace();
    for (std::string_view word : {"True", "False"}) {
      if (text_.substr(position_, word.size()) != word) continue;
      position_ += word.size();
      return word == "True";
    }
    return Unexpected("True or False");
  }

  // (), (3,), (3, 4) or (3, 4, )
  absl::StatusOr<std::vector<int64_t>> Shape() {
    RETURN_IF_ERROR(Expect('('));
    std::vector<int64_t> shape;
    while (!Take(')')) {
      if (shape.size() == kMaxDimensions) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "shape has more than %d dimensions", kMaxDimensions));
      }
      ASSIGN_OR_RETURN(const int64_t size, Size());
      shape.push_back(size);
      if (Take(',')) continue;
      RETURN_IF_ERROR(Expect(')'));
      break;
    }
    return shape;
  }

  bool AtEnd() {
    SkipSpace();
    return position_ == text_.size();
  }

  absl::Status Unexpected(std::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrFormat(
        "header, byte %d: found \"%s\", expected %s", position_,
        absl::CHexEscape(std::string(text_.substr(position_, 20))), expected));
  }

 private:
  void SkipSpace() {
    while (position_ < text_.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(text_[position_]))) {
      ++position_;
    }
  }

  absl::StatusOr<int64_t> Size() {
    SkipSpace();
    int64_t value = 0;
    const char* begin = text_.data() + position_;
    const auto [end, error] =
        std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) {
      return Unexpected("a size, 0 or more");
    }
    position_ += end - begin;
    return value;
  }

  const std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view text) {
  Reader reader(text);
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
  RETURN_IF_ERROR(reader.Expect('{'));
  while (!reader.Take('}')) {
    ASSIGN_OR_RETURN(const std::string key, reader.String());
    RETURN_IF_ERROR(reader.Expect(':'));
    if (key == "descr" && !descr) {
      ASSIGN_OR_RETURN(descr, reader.String());
    } else if (key == "fortran_order" && !fortran_order) {
      ASSIGN_OR_RETURN(fortran_order, reader.Bool());
    } else if (key == "shape" && !shape) {
      ASSIGN_OR_RETURN(shape, reader.Shape());
    } else {
      return absl::InvalidArgumentError(absl::StrFormat(
          "header: unknown or repeated key \"%s\"", absl::CHexEscape(key)));
    }
    if (reader.Take(',')) continue;
    RETURN_IF_ERROR(reader.Expect('}'));
    break;
  }
  if (!reader.AtEnd()) return reader.Unexpected("the end");
  if (!descr || !fortran_order || !shape) {
    return absl::InvalidArgumentError(
        "header: expected the keys 'descr', 'fortran_order' and 'shape'");
  }
  return NpyHeader{*descr, *fortran_order, *shape};
}

}  // namespace unroll::client
