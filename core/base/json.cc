#include "core/base/json.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/text.h"

namespace unroll {
namespace {

using nlohmann::json;

// Counts what the parser has read, so that our own errors can say where they
// are: nlohmann tells a handler the place of its own errors only.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  size_t* read_;
};

// Builds the document, and stops at repeated keys and deep nesting. Returning
// false ends the parse.
class DocumentBuilder {
 public:
  bool null() { return Add(nullptr); }
  bool boolean(bool value) { return Add(value); }
  bool number_integer(json::number_integer_t value) { return Add(value); }
  bool number_unsigned(json::number_unsigned_t value) { return Add(value); }
  bool number_float(json::number_float_t value, const std::string&) {
    return Add(value);
  }
  bool string(std::string& value) { return Add(std::move(value)); }
  bool binary(json::binary_t&) { return Fail("binary data"); }
  bool start_object(size_t) { return Open(json::object()); }
  bool start_array(size_t) { return Open(json::array()); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }

  bool key(std::string& key) {
    const auto [member, added] =
        open_.back()->get_ref<json::object_t&>().emplace(std::move(key),
                                                         nullptr);
    if (!added) {
      return Fail(absl::StrFormat("key %s appears twice in one object",
                                  Quoted(member->first)));
    }
    member_ = &member->second;
    return true;
  }

  bool parse_error(size_t, const std::string&, const std::exception& error) {
    std::string_view text = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    for (std::string_view before : {"] ", ": "}) {
      const size_t at = text.find(before);
      if (at != text.npos) text.remove_prefix(at + before.size());
    }
    return Fail(Printable(text, 200));
  }

  const std::string& error() const { return error_; }
  json Take() { return std::move(document_); }

 private:
  // The place for the next value: the document itself, the end of the open
  // array, or the member whose key was read last.
  template <typename Value>
  json* Place(Value&& value) {
    json* place = &document_;
    if (!open_.empty()) {
      if (open_.back()->is_array()) {
        open_.back()->push_back(nullptr);
        place = &open_.back()->back();
      } else {
        place = member_;
      }
    }
    *place = std::forward<Value>(value);
    return place;
  }
  template <typename Value>
  bool Add(Value&& value) {
    Place(std::forward<Value>(value));
    return true;
  }
  bool Open(json value) {
    if (open_.size() == kMaxJsonDepth) {
      return Fail(
          absl::StrCat("nested deeper than ", kMaxJsonDepth, " levels"));
    }
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  json document_;
  // Arrays and objects around the next value. None of them moves while it is
  // here: a vector's elements move only when their array grows, and only the
  // innermost grows.
  std::vector<json*> open_;
  json* member_ = nullptr;
  std::string error_;
};

absl::Status ErrorAt(std::string_view text, size_t byte, std::string_view where,
                     std::string_view error) {
  const std::string_view before = text.substr(0, byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: line %d, byte %d: %s", where, line, byte, error));
}

}  // namespace

absl::StatusOr<json> ParseJson(std::string_view text, std::string_view where) {
  // nlohmann takes a zero byte for the end and would pass over what follows.
  if (const size_t zero = text.find('\0'); zero != text.npos) {
    return ErrorAt(text, zero, where, "a zero byte, expected JSON");
  }
  DocumentBuilder builder;
  size_t read = 0;
  try {
    if (!json::sax_parse(CountingIterator(text.data(), &read),
                         CountingIterator(text.data() + text.size(), &read),
                         &builder)) {
      return ErrorAt(text, read, where, builder.error());
    }
    return builder.Take();
  } catch (const std::exception& error) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: %s", where, error.what()));
  }
}

std::string_view JsonKind(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::boolean:
      return "a boolean";
    case json::value_t::string:
      return "a string";
    case json::value_t::array:
      return "an array";
    case json::value_t::object:
      return "an object";
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return "a whole number";
    case json::value_t::number_float:
      return "a number";
    default:
      return "a value";
  }
}

}  // namespace unroll
