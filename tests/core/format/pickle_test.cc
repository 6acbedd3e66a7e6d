#include "core/format/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/format/pickle_stack.h"
#include "tests/support/pickle_writer.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using testing::IsError;
using testing::IsOk;
using testing::Pickled;
using testing::PickledCall;
using testing::PickledDict;
using testing::PickledGlobal;
using testing::PickledInt;
using testing::PickledText;
using testing::PickledTuple;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// A string literal with the zero bytes in it.
template <size_t size>
std::string Bytes(const char (&literal)[size]) {
  return {literal, size - 1};
}

// What a pickle of one value is, by its description.
std::string Described(const std::string& value) {
  const std::string bytes = Pickled(value);
  const auto pickle = ParsePickle(bytes, "p");
  if (!pickle.ok()) return std::string(pickle.status().message());
  return Describe((*pickle)[pickle->top]);
}

TEST(PickleTest, KnowsTheValuesOfEachProtocol) {
  const struct {
    std::string value;
    std::string described;
  } cases[] = {
      {"N", "None"},
      {"\x88", "a bool"},
      {"\x89", "a bool"},
      {Bytes("G\0\0\0\0\0\0\0\0"), "a float"},
      {"K\xFF", "the integer 255"},
      {"M\xFF\xFF", "the integer 65535"},
      {Bytes("J\0\0\0\x80"), "the integer -2147483648"},
      {Bytes("\x8a\0"), "the integer 0"},
      {"\x8a\x01\xFF", "the integer -1"},
      {Bytes("\x8a\x02\xFF\0"), "the integer 255"},
      {PickledInt(std::numeric_limits<int64_t>::min()),
       "the integer -9223372036854775808"},
      {"\x8a\11"
       "123456789",
       "a large integer"},
      {Bytes("X\3\0\0\0abc"), "the string \"abc\""},
      {Bytes("\x8c\3abc"), "the string \"abc\""},
      {Bytes("B\3\0\0\0abc"), "bytes"},
      {Bytes("C\3abc"), "bytes"},
      {")", "a tuple of 0"},
      {"(t", "a tuple of 0"},
      {"N\x85", "a tuple of 1"},
      {"NN\x86", "a tuple of 2"},
      {"NNN\x87", "a tuple of 3"},
      {"(NNNNt", "a tuple of 4"},
      {"]", "a list"},
      {"]Na", "a list"},
      {"](NNe", "a list"},
      {"}", "a dict"},
      {"}NNs", "a dict"},
      {"}(NNNNu", "a dict"},
      {"\x8f", "a set"},
      {"\x8f(N\x90", "a set"},
      {Bytes("\x95\1\0\0\0\0\0\0\0N"), "None"},
      {PickledGlobal("torch", "float32"), "the global torch.float32"},
      {Bytes("\x8c\5torch\x8c\6"
             "float6\x93"),
       "p: byte 17: global "
       "\"torch.float6\" is not one that tensors need; save the tensors alone: "
       "torch.save(model.state_dict(), \"model.pt\")"},
      {Bytes("\x8c\5torch\x8c\7"
             "float64\x93"),
       "the global torch.float64"},
      {PickledCall(PickledGlobal("collections", "OrderedDict"), ")"), "a dict"},
      {PickledCall(PickledGlobal("collections", "OrderedDict"), ")") + "}b",
       "a dict"},
      {PickledGlobal("argparse", "Namespace") + ")\x81}b",
       "an object of argparse.Namespace"},
      {PickledGlobal("collections", "Counter") + ")R(NNu",
       "an object of collections.Counter"},
      {"NQ", "a storage"},
      {"Nr", "p: byte 3: 1 bytes follow, expected 4"},
      {Bytes("Nq\0h\0\x86"), "a tuple of 2"},
      {Bytes("N\x94\x85"
             "h\0\x86"),
       "a tuple of 2"},
      {Bytes("Nr\0\0\0\0j\0\0\0\0\x86"), "a tuple of 2"},
  };
  for (const auto& c : cases) EXPECT_EQ(Described(c.value), c.described);
}

TEST(PickleTest, KeepsItemsInTheirOrder) {
  const std::string bytes =
      Pickled(PickledDict({{"b", PickledInt(1)},
                           {"a", PickledTuple({PickledInt(7), "N"})},
                           {"b", PickledText("c")}}));
  ASSERT_OK_AND_ASSIGN(const Pickle pickle, ParsePickle(bytes, "p"));
  std::vector<std::string> items;
  for (const PickleRef ref : pickle[pickle.top].items) {
    items.push_back(Describe(pickle[ref]));
  }
  EXPECT_THAT(items, ElementsAre("the string \"b\"", "the integer 1",
                                 "the string \"a\"", "a tuple of 2",
                                 "the string \"b\"", "the string \"c\""));
}

struct Broken {
  std::string what;
  std::string bytes;
  std::string part;  // of the message
};

const Broken kBroken[] = {
    {"empty", "", "p: byte 0: 0 bytes follow, expected 1"},
    {"one byte", "\x80", "byte 0: 0 bytes follow"},
    {"text", "hello", "p: byte 0: expected the start of a pickle of protocol"},
    {"protocol 1", "\x80\x01N.", "expected the start of a pickle"},
    {"protocol 6", "\x80\x06N.", "expected the start of a pickle"},
    {"no end", "\x80\x02N", "byte 3: the pickle has no end mark"},
    {"bytes behind", "\x80\x02N.N", "byte 3: the end mark, but 1 bytes follow"},
    {"nothing", Pickled(""), "byte 2: 0 values and 0 marks on the stack"},
    {"two values", Pickled("NN"), "byte 4: 2 values and 0 marks on the stack"},
    {"an open mark", Pickled("(N"), "1 values and 1 marks on the stack"},
    {"a second start", Pickled("\x80\x02N"), "byte 2: opcode 0x80 is not one"},
    {"a call by text", Pickled("cos\nsystem\n(X\2\0\0\0lstR"),
     "byte 2: global \"os.system\" is not one that tensors need; save the "
     "tensors alone: torch.save(model.state_dict(), \"model.pt\")"},
    {"an instance", Pickled("(ios\nsystem\n"),
     "byte 3: opcode 0x69 is not one"},
    {"an object", Pickled("(o"), "opcode 0x6f is not one"},
    {"an extension", Pickled("\x82\x01"), "opcode 0x82 is not one"},
    {"keyword arguments", Pickled("NNN\x92"), "opcode 0x92 is not one"},
    {"a persistent id as text", Pickled("P0\n"), "opcode 0x50 is not one"},
    {"a number as text", Pickled("I01\n"), "opcode 0x49 is not one"},
    {"eval", Pickled("c__builtin__\neval\n"), "global \"__builtin__.eval\""},
    {"a module", Pickled("ctorch.nn.modules.rnn\nRNN\n"),
     "global \"torch.nn.modules.rnn.RNN\" is not one"},
    {"a name with a dot", Pickled("ctorch\n_utils._rebuild_tensor_v2\n"),
     "global \"torch._utils._rebuild_tensor_v2\" is not one"},
    {"a sparse tensor", Pickled("ctorch._utils\n_rebuild_sparse_tensor\n"),
     "makes a sparse tensor, which is not supported"},
    {"a quantized tensor", Pickled("ctorch._utils\n_rebuild_qtensor\n"),
     "makes a quantized tensor"},
    {"complex numbers", Pickled("ctorch\nComplexFloatStorage\n"),
     "\"torch.ComplexFloatStorage\" makes complex numbers"},
    {"an open line",
     "\x80\x02"
     "cos",
     "byte 2: a line has no end"},
    {"a binary name", Pickled("c\x01\n\xFF\n"), "global \"\\x01.\\xff\""},
    {"a global named by no text", Pickled("NN\x93"),
     "a global named by None and None, expected two strings"},
    {"a call of no global", Pickled("N)R"), "a call of None with a tuple of 0"},
    {"a call without tuple", Pickled("ctorch\nSize\nNR"),
     "a call of the global torch.Size with None"},
    {"a call of a dtype", Pickled("ctorch\nfloat32\n)R"),
     "a call of the global torch.float32, expected a function"},
    {"an OrderedDict of something",
     Pickled("ccollections\nOrderedDict\nN\x85R"),
     "an OrderedDict with a tuple of 1, expected no arguments"},
    {"attributes of a tuple", Pickled(")}b"), "attributes for a tuple of 0"},
    {"attributes of a tensor",
     Pickled("ctorch._utils\n_rebuild_tensor_v2\n)R}b"),
     "attributes for an object of torch._utils._rebuild_tensor_v2"},
    {"items of None", Pickled("N(NNu"), "keys and values for None"},
    {"a key alone", Pickled("}(Nu"), "1 keys and values, expected pairs"},
    {"values for a dict", Pickled("}Na"), "values for a dict, expected a list"},
    {"set values for a list", Pickled("](N\x90"),
     "values for a list, expected a set"},
    {"nothing to append", Pickled("a"), "0 values on the stack, expected 1"},
    {"nothing to append to", Pickled("Na"), "0 values on the stack, expected"},
    {"values across a mark", Pickled("N(R"), "0 values on the stack, expected"},
    {"no mark", Pickled("Nt"), "no mark on the stack"},
    {"a memo that is not there", Pickled("Nh\1"), "memo 1, but there are 0"},
    {"a memo far away", Pickled("Nr\xFF\xFF\xFF\xFF"),
     "memo 4294967295, expected at most 0"},
    {"text of 4 GiB",
     "\x80\x02X\xFF\xFF\xFF\xFF"
     "abc.",
     "byte 2: 4 bytes follow, expected 4294967295"},
    {"bytes of 4 GiB",
     "\x80\x02"
     "B\xFF\xFF\xFF\xFF"
     "abc.",
     "4 bytes follow, expected 4294967295"},
    {"a frame of 2^64 - 1", "\x80\x04\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFN.",
     "a frame of 18446744073709551615 bytes, but 2 follow"},
    {"bad UTF-8", Pickled("\x8c\2\xC0\x80"),
     "byte 2: the string \"\\xc0\\x80\" is not valid UTF-8 from its byte 0"},
};

TEST(PickleTest, EachIsRefusedWithItsByteAndReason) {
  for (const Broken& broken : kBroken) {
    EXPECT_THAT(ParsePickle(broken.bytes, "p"), IsError(kInvalid, broken.part))
        << broken.what;
  }
}

// Neither reading nor destroying goes as deep as the values are nested.
TEST(PickleTest, TakesDeepNesting) {
  std::string tuples = "N";
  for (int i = 0; i < 200'000; ++i) tuples += Bytes("\x85q\0");
  const std::string deep = Pickled(tuples);
  ASSERT_OK_AND_ASSIGN(const Pickle pickle, ParsePickle(deep, "p"));
  EXPECT_GT(pickle.values.size(), 200'000);

  std::string dicts;
  for (int i = 0; i < 200'000; ++i) dicts += "}N";
  dicts += "N" + std::string(200'000, 's');
  EXPECT_THAT(ParsePickle(Pickled(dicts), "p"), IsOk());
}

TEST(PickleTest, SharedAndCyclicValuesStayShared) {
  // Each tuple holds the one before twice.
  std::string value = Bytes("Nq\0");
  for (int i = 0; i < 60; ++i) value += Bytes("h\0\x86q\0");
  const std::string laughs = Pickled(value);
  ASSERT_OK_AND_ASSIGN(const Pickle pickle, ParsePickle(laughs, "p"));
  EXPECT_LT(pickle.values.size(), 100);
  EXPECT_EQ(Describe(pickle[pickle.top]), "a tuple of 2");
  // A dict that is its own value.
  const std::string cycle = Pickled(Bytes("}q\0Nh\0s"));
  ASSERT_OK_AND_ASSIGN(const Pickle self, ParsePickle(cycle, "p"));
  EXPECT_THAT(self[self.top].items, ElementsAre(kNoneValue, self.top));
}

TEST(PickleTest, RefusesMoreValuesThanAnyModelHas) {
  EXPECT_THAT(ParsePickle(Pickled(std::string(300'000, '}')), "p"),
              IsError(kInvalid, "more than 262144 values"));
  // Those that are all alike are one.
  EXPECT_THAT(ParsePickle(Pickled("(" + std::string(300'000, 'N') + "t"), "p"),
              IsOk());
}

}  // namespace
}  // namespace unroll
