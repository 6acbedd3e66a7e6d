#include "server/infer_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace unroll::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

inference::ModelInferRequest One(const std::string& datatype,
                                 const Shape& shape, const std::string& raw) {
  inference::ModelInferRequest request;
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype(datatype);
  input.mutable_shape()->Add(shape.begin(), shape.end());
  request.add_raw_input_contents(raw);
  return request;
}

TEST(InferTensorTest, NumbersAreReadWhereTheyLie) {
  const auto request = One("INT32", {2, 1}, std::string("\1\0\0\0\2\0\0\0", 8));
  const auto tensors = ReadInferTensors(request);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  const auto values = tensors->at("x").As<int32_t>();
  EXPECT_THAT(values, ElementsAre(1, 2));
  EXPECT_EQ(reinterpret_cast<const char*>(values.data()),
            request.raw_input_contents(0).data());
}

TEST(InferTensorTest, TextsMayBeEmpty) {
  const auto request =
      One("BYTES", {3}, std::string("\0\0\0\0\1\0\0\0a\0\0\0\0", 13));
  const auto tensors = ReadInferTensors(request);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->at("x").strings, ElementsAre("", "a", ""));
}

TEST(InferTensorTest, AShapeWithAZeroHasNoElements) {
  const auto request = One("FP32", {0, 1000000}, "");
  const auto tensors = ReadInferTensors(request);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_EQ(tensors->at("x").elements, 0);
}

TEST(InferTensorTest, HalvesBecomeTheFloatsTheyStandFor) {
  std::vector<float> converted;
  // 1, -2, the smallest subnormal, infinity.
  const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00};
  auto request = One("FP16", {4}, {reinterpret_cast<const char*>(halves), 8});
  EXPECT_EQ(ConvertedBytes(request), 16);
  EXPECT_THAT(Floats(ReadInferTensors(request)->at("x"), converted),
              ElementsAre(1, -2, 0x1p-24f, INFINITY));
  const uint16_t bfloat16s[] = {0x3F80, 0xC000, 0x0001};
  request = One("BF16", {3}, {reinterpret_cast<const char*>(bfloat16s), 6});
  EXPECT_THAT(Floats(ReadInferTensors(request)->at("x"), converted),
              ElementsAre(1, -2, 0x1p-133f));
}

TEST(InferTensorTest, FloatsAreNotCopied) {
  std::vector<float> converted;
  const auto request = One("FP32", {1}, std::string(4, '\0'));
  const auto tensors = ReadInferTensors(request);
  EXPECT_EQ(
      static_cast<const void*>(Floats(tensors->at("x"), converted).data()),
      request.raw_input_contents(0).data());
  EXPECT_THAT(converted, IsEmpty());
  EXPECT_EQ(ConvertedBytes(request), 0);
}

// Whatever a request says, what is read lies within it and is as much as the
// shape says.
TEST(InferTensorTest, RandomShapesAndBytesAreReadOrRefused) {
  std::mt19937 random(1);
  const auto upto = [&](int most) {
    return std::uniform_int_distribution<int>(0, most)(random);
  };
  const std::vector<std::string> datatypes = {"FP32",  "FP16",  "BF16", "INT64",
                                              "INT32", "BYTES", "U8"};
  const std::vector<int64_t> sizes = {
      0,         1,        2, 3, 4, -1, int64_t{1} << 31, int64_t{1} << 62,
      INT64_MAX, INT64_MIN};
  int read = 0;
  for (int i = 0; i < 50000; ++i) {
    Shape shape(upto(3));
    for (int64_t& size : shape) size = sizes[upto(9)];
    std::string raw(upto(40), '\0');
    for (char& c : raw) c = static_cast<char>(upto(8) == 0 ? upto(255) : 0);
    const auto request = One(datatypes[upto(6)], shape, raw);
    const auto tensors = ReadInferTensors(request);
    if (!tensors.ok()) continue;
    ++read;
    const InferTensor& tensor = tensors->at("x");
    const std::string& bytes = request.raw_input_contents(0);
    EXPECT_LE(tensor.bytes.size(), bytes.size());
    if (tensor.datatype == "BYTES") {
      EXPECT_EQ(std::ssize(tensor.strings), tensor.elements);
    }
    for (const std::string_view text : tensor.strings) {
      EXPECT_GE(text.data(), bytes.data());
      EXPECT_LE(text.data() + text.size(), bytes.data() + bytes.size());
    }
  }
  EXPECT_GT(read, 100);
}

}  // namespace
}  // namespace unroll::server
