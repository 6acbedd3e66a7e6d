#include "tests/support/pickle_writer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace unroll::testing {
namespace {

constexpr char kFalse[] = "\x89";

std::string Bytes(uint64_t number, size_t count) {
  return {reinterpret_cast<const char*>(&number), count};
}

}  // namespace

std::string Pickled(std::string_view value) {
  return "\x80\x02" + std::string(value) + ".";
}

std::string PickledText(std::string_view text) {
  return "X" + Bytes(text.size(), 4) + std::string(text);
}

std::string PickledInt(int64_t number) {
  return "\x8a\x08" + Bytes(static_cast<uint64_t>(number), 8);
}

std::string PickledInts(const std::vector<int64_t>& numbers) {
  std::vector<std::string> values;
  for (const int64_t number : numbers) values.push_back(PickledInt(number));
  return PickledTuple(values);
}

std::string PickledGlobal(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

std::string PickledTuple(const std::vector<std::string>& values) {
  return absl::StrCat("(", absl::StrJoin(values, ""), "t");
}

std::string PickledCall(std::string_view global, std::string_view arguments) {
  return std::string(global) + std::string(arguments) + "R";
}

std::string PickledDict(
    const std::vector<std::pair<std::string, std::string>>& items) {
  std::string dict = "}(";
  for (const auto& [key, value] : items) {
    dict += PickledText(key) + value;
  }
  return dict + "u";
}

std::string PickledTensor::Storage() const {
  return PickledTuple({PickledText("storage"), type, key, PickledText("cpu"),
                       elements}) +
         "Q";
}

std::string PickledTensor::Value() const {
  std::vector<std::string> arguments = {
      Storage(), offset,
      shape,     stride,
      kFalse,    PickledCall(PickledGlobal("collections", "OrderedDict"), ")")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return PickledCall(rebuild, PickledTuple(arguments));
}

std::string OneTensor(const PickledTensor& tensor) {
  return Pickled(PickledDict({{"a", tensor.Value()}}));
}

}  // namespace unroll::testing
