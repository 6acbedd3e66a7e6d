#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "core/format/state_dict.h"
#include "tests/support/pickle_writer.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using testing::IsError;
using testing::OneTensor;
using testing::Pickled;
using testing::PickledCall;
using testing::PickledDict;
using testing::PickledGlobal;
using testing::PickledInt;
using testing::PickledInts;
using testing::PickledTensor;
using testing::PickledText;
using testing::PickledTuple;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

// One of a tensor and of such an "a".
std::string Beside(const std::string& value) {
  return Pickled(PickledDict({{"b", PickledTensor().Value()}, {"a", value}}));
}
std::string Call(const std::string& name, const std::string& arguments) {
  return PickledCall(PickledGlobal("torch._utils", name), arguments);
}
std::string Dict() { return PickledDict({{"a", PickledTensor().Value()}}); }

const std::string kUntyped = PickledGlobal("torch.storage", "UntypedStorage");
const std::string kV3 = PickledGlobal("torch._utils", "_rebuild_tensor_v3");

struct Broken {
  std::string what;
  std::string pickle;
  std::string part;  // of the message
};

const Broken kBroken[] = {
    {"not sound", "\x80\x02", "f: data.pkl: byte 2: the pickle has no end"},
    {"a list", Pickled("]"), "f: is a list, expected a state_dict or a dict"},
    {"a tensor", Pickled(PickledTensor().Value()),
     "f: is an object of torch._utils._rebuild_tensor_v2, expected a state_d"},
    {"empty", Pickled("}"), "f: no tensors in it, nor in a dict under one"},
    {"other keys", Pickled(PickledDict({{"epoch", "K\3"}, {"rnn", Dict()}})),
     "under one of its keys state_dict, model_state_dict, model, net, network, "
     "module, weights; it has 2 keys: the string \"epoch\", the string "
     "\"rnn\""},
    {"two levels",
     Pickled(PickledDict({{"model", PickledDict({{"net", Dict()}})}})),
     "it has 1 keys: the string \"model\""},
    {"two state_dicts",
     Pickled(PickledDict({{"model", Dict()}, {"net", Dict()}})),
     "state_dicts under \"model\" and \"net\", expected one"},
    {"a state_dict twice",
     Pickled(PickledDict({{"net", Dict()}, {"net", Dict()}})),
     "f: key \"net\" appears twice"},
    {"itself",
     Pickled("}q" + std::string(1, '\0') + PickledText("a") + "h" +
             std::string(1, '\0') + "s"),
     "no tensors in it"},
    {"None among tensors", Beside("N"),
     "f: tensor \"a\": is None, expected a tensor"},
    {"extra state", Beside(PickledDict({})), "is a dict, expected a tensor"},
    {"a number among tensors", Beside(PickledInt(-5)),
     "is the integer -5, expected a tensor"},
    {"a name that is a number",
     Pickled("}" + PickledInt(3) + PickledTensor().Value() + "s"),
     "a tensor's name is the integer 3, expected a string"},
    {"no name", Pickled(PickledDict({{"", PickledTensor().Value()}})),
     "name is the string \"\", expected a string that is not empty"},
    {"a long name",
     Pickled(PickledDict({{std::string(1001, 'x'), PickledTensor().Value()}})),
     "xxx...\": name of 1001 bytes, expected at most 1000"},
    {"a name twice",
     Pickled(PickledDict(
         {{"a", PickledTensor().Value()}, {"a", PickledTensor().Value()}})),
     "f: tensor \"a\" appears twice"},
    {"a name in bad UTF-8",
     Pickled(PickledDict({{"\xFF", PickledTensor().Value()}})), "valid UTF-8"},
    {"no arguments", Beside(Call("_rebuild_tensor_v2", ")")),
     "an object of torch._utils._rebuild_tensor_v2 of 0 arguments, expected 6"},
    {"many arguments", OneTensor({.more = {"N", "N"}}), "of 8 arguments"},
    {"a negative view", OneTensor({.more = {PickledDict({{"neg", "\x88"}})}}),
     "is a conjugate or negative view"},
    {"a parameter of nothing", Beside(Call("_rebuild_parameter", "N\x85")),
     "of 1 arguments, expected 3 to 4"},
    {"a parameter of None", Beside(Call("_rebuild_parameter", "NNN\x87")),
     "is None, expected a tensor"},
    {"a parameter of a parameter",
     Beside(Call("_rebuild_parameter",
                 Call("_rebuild_parameter", "NNN\x87") + "NN\x87")),
     "is an object of torch._utils._rebuild_parameter, expected a tensor"},
    {"no storage",
     Beside(Call("_rebuild_tensor_v2", "(NK" + std::string(1, '\0') + "))NNt")),
     "made of None, expected a storage"},
    {"a storage id of text",
     Beside(Call("_rebuild_tensor_v2", "(" + PickledText("0") + "QNNNNNt")),
     "storage named by the string \"0\", expected a tuple of 5"},
    {"a storage id of three",
     Beside(Call("_rebuild_tensor_v2", "(NNN\x87QNNNNNt")),
     "storage named by a tuple of 3"},
    {"another id", Beside(Call("_rebuild_tensor_v2", "((NNNNNtQNNNNNt")),
     "storage (None, ..., None, ..., None), expected (\"storage\", class, key"},
    {"a storage of no class", OneTensor({.type = "N"}),
     "storage \"0\" is of None, expected a class like torch.FloatStorage"},
    {"a storage of a dtype",
     OneTensor({.type = PickledGlobal("torch", "float32")}),
     "is of the global torch.float32, expected a class like"},
    {"an untyped storage", OneTensor({.type = kUntyped}),
     "is of the global torch.storage.UntypedStorage, expected a class like"},
    {"a dtype that is none",
     OneTensor({.rebuild = kV3, .type = kUntyped, .more = {"N"}}),
     "dtype is None, expected one like torch.float32"},
    {"a typed storage for it",
     OneTensor({.rebuild = kV3, .more = {PickledGlobal("torch", "uint16")}}),
     "is of the global torch.FloatStorage, expected torch.storage.Untyped"},
    {"a key that is a number", OneTensor({.key = "K\1"}), "the integer 1, ..."},
    {"a long key", OneTensor({.key = PickledText(std::string(21, '0'))}),
     "storage (the string \"storage\", ..., the string \"0000"},
    {"minus four elements", OneTensor({.elements = PickledInt(-4)}),
     "..., the integer -4), expected"},
    {"2^63 - 1 elements", OneTensor({.elements = PickledInt(kLargest)}),
     "storage \"0\" of 9223372036854775807 elements is too large"},
    {"offset of None", OneTensor({.offset = "N"}), "offset is None, expected"},
    {"a negative offset", OneTensor({.offset = PickledInt(-1)}),
     "offset is the integer -1, expected a whole number from 0 on"},
    {"a shape of None", OneTensor({.shape = "N"}),
     "f: tensor \"a\": shape is None, expected a tuple"},
    {"a shape of text", OneTensor({.shape = PickledText("22")}),
     "shape is the string \"22\", expected a tuple"},
    {"a shape of shapes", OneTensor({.shape = PickledTuple({")", ")"})}),
     "shape entry 0 is a tuple of 0, expected a whole number"},
    {"a negative dimension", OneTensor({.shape = PickledInts({2, -2})}),
     "shape entry 1 is the integer -2, expected a whole number from 0 on"},
    {"nine dimensions",
     OneTensor({.shape = PickledInts({1, 1, 1, 1, 1, 1, 1, 1, 4})}),
     "shape has 9 entries, expected at most 8"},
    {"a shape that overflows",
     OneTensor({.shape = PickledInts({int64_t{1} << 32, int64_t{1} << 32})}),
     "shape [4294967296,4294967296] is too large"},
    {"a shape that wraps to four",
     OneTensor({.shape = PickledInts({(int64_t{1} << 62) + 1, 4})}),
     "is too large"},
    {"a huge dimension", OneTensor({.shape = PickledInts({kLargest, 1})}),
     "shape [9223372036854775807,1] with stride [2,1] from element 0 on, "
     "expected it inside the 4 elements of storage \"0\""},
    {"one stride", OneTensor({.stride = PickledInts({1})}),
     "stride [1] for shape [2,2], expected one for each dimension"},
    {"a negative stride", OneTensor({.stride = PickledInts({2, -1})}),
     "stride entry 1 is the integer -1, expected a whole number from 0 on"},
    {"a large stride", OneTensor({.stride = PickledInts({3, 1})}),
     "shape [2,2] with stride [3,1] from element 0 on, expected it inside"},
    {"strides that overflow",
     OneTensor({.shape = PickledInts({3, 2}),
                .stride = PickledInts({int64_t{1} << 62, 1})}),
     "expected it inside the 4 elements"},
    {"strides that overflow together",
     OneTensor({.stride = PickledInts({kLargest, kLargest})}),
     "expected it inside the 4 elements"},
    {"an offset past the end", OneTensor({.offset = PickledInt(1)}),
     "with stride [2,1] from element 1 on, expected it inside the 4 elements"},
    {"a huge offset", OneTensor({.offset = PickledInt(kLargest)}),
     "from element 9223372036854775807 on, expected it inside"},
    {"an empty tensor past the end",
     OneTensor({.offset = PickledInt(5), .shape = PickledInts({0, 2})}),
     "from element 5 on, expected it inside the 4 elements"},
    {"stride 0 that repeats",
     OneTensor({.shape = PickledInts({int64_t{1} << 40, 2}),
                .stride = PickledInts({0, 1})}),
     "repeats elements: 2199023255552 of 4 in storage \"0\""},
};

TEST(BrokenStateDictTest, EachPickleIsRefusedWithItsReason) {
  for (const Broken& broken : kBroken) {
    EXPECT_THAT(ParseStateDict(broken.pickle, "f"),
                IsError(kInvalid, broken.part))
        << broken.what;
  }
}

TEST(BrokenStateDictTest, ManyNamesOfOneTensorAreRefused) {
  std::string items =
      PickledText("a") + PickledTensor().Value() + "q" + std::string(1, '\0');
  for (int i = 0; i < 1 << 16; ++i) {
    items += PickledText(std::to_string(i)) + "h" + std::string(1, '\0');
  }
  EXPECT_THAT(ParseStateDict(Pickled("}(" + items + "u"), "f"),
              IsError(kInvalid, "65537 tensors, expected at most 65536"));
}

}  // namespace
}  // namespace unroll
