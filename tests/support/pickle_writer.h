#ifndef UNROLL_TESTS_SUPPORT_PICKLE_WRITER_H_
#define UNROLL_TESTS_SUPPORT_PICKLE_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Pieces of a pickle, right or wrong, as the opcodes that push a value.
namespace unroll::testing {

// The whole pickle, protocol 2, of such a value.
std::string Pickled(std::string_view value);

std::string PickledText(std::string_view text);
std::string PickledInt(int64_t number);
// (1, 2, 3)
std::string PickledInts(const std::vector<int64_t>& numbers);
std::string PickledGlobal(std::string_view module, std::string_view name);
std::string PickledTuple(const std::vector<std::string>& values);
// A call of `global` with a tuple.
std::string PickledCall(std::string_view global, std::string_view arguments);
// {"key": value}; the keys may be the same.
std::string PickledDict(
    const std::vector<std::pair<std::string, std::string>>& items);

// The parts of a tensor as torch.save writes it, each a pickled value: by
// default, [2,2] in a storage "0" of four float32.
struct PickledTensor {
  std::string rebuild = PickledGlobal("torch._utils", "_rebuild_tensor_v2");
  std::string type = PickledGlobal("torch", "FloatStorage");
  std::string key = PickledText("0");
  std::string elements = PickledInt(4);
  std::string offset = PickledInt(0);
  std::string shape = PickledInts({2, 2});
  std::string stride = PickledInts({2, 1});
  std::vector<std::string> more = {};  // arguments behind these

  std::string Storage() const;
  std::string Value() const;
};

// The whole pickle of {"a": tensor}.
std::string OneTensor(const PickledTensor& tensor);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_PICKLE_WRITER_H_
