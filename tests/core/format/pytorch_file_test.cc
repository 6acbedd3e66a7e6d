#include "core/format/pytorch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/format/safetensors.h"
#include "tests/support/status_matchers.h"

namespace unroll {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const std::string kFolder = UNROLL_SOURCE_DIR "/tests/data/pytorch/";

template <typename Format>
absl::StatusOr<std::unique_ptr<Format>> OpenAs(const std::string& name) {
  auto file = File::Open(kFolder + name);
  if (!file.ok()) return file.status();
  return Format::Open(*std::move(file), "f");
}

// What PyTorch wrote, and beside it the same tensors as safetensors: the
// same names, types, shapes and bits.
class RealFilesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(RealFilesTest, HaveTheTensorsThatPyTorchSays) {
  ASSERT_OK_AND_ASSIGN(const auto got, OpenAs<PytorchFile>(GetParam() + ".pt"));
  ASSERT_OK_AND_ASSIGN(const auto want,
                       OpenAs<SafetensorsFile>(GetParam() + ".safetensors"));
  ASSERT_EQ(got->tensors().size(), want->tensors().size());
  EXPECT_GE(want->tensors().size(), 3);
  for (size_t i = 0; i < want->tensors().size(); ++i) {
    const StoredTensor& stored = got->tensors()[i];
    const StoredTensor& expected = want->tensors()[i];
    SCOPED_TRACE(expected.name);
    EXPECT_EQ(stored.name, expected.name);
    EXPECT_EQ(stored.dtype.name, expected.dtype.name);
    EXPECT_EQ(stored.shape, expected.shape);
    EXPECT_EQ(stored.elements, expected.elements);
    if (expected.dtype.dtype == Dtype::kOther) continue;
    ASSERT_OK_AND_ASSIGN(const Tensor tensor, got->Read(stored));
    ASSERT_OK_AND_ASSIGN(const Tensor numbers, want->Read(expected));
    EXPECT_EQ(tensor.shape, numbers.shape);
    EXPECT_EQ(tensor.values, numbers.values);
  }
  EXPECT_THAT(got->CheckUnchanged(), testing::IsOk());
}

INSTANTIATE_TEST_SUITE_P(All, RealFilesTest,
                         ::testing::Values("plain", "checkpoint", "tied",
                                           "views", "dtypes", "protocol2",
                                           "protocol4", "protocol5", "torch2"),
                         [](const auto& info) { return info.param; });

TEST(PytorchFileTest, SaysWhichPartOfACheckpointItRead) {
  ASSERT_OK_AND_ASSIGN(const auto plain, OpenAs<PytorchFile>("plain.pt"));
  EXPECT_THAT(plain->metadata(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto part, OpenAs<PytorchFile>("checkpoint.pt"));
  EXPECT_THAT(part->metadata(),
              ElementsAre(Pair("checkpoint_key", "state_dict")));
  ASSERT_OK_AND_ASSIGN(const auto model, OpenAs<PytorchFile>("torch2.pt"));
  EXPECT_THAT(model->metadata(), ElementsAre(Pair("checkpoint_key", "model")));
}

TEST(PytorchFileTest, HasTiedTensorsUnderEachName) {
  ASSERT_OK_AND_ASSIGN(const auto file, OpenAs<PytorchFile>("tied.pt"));
  const StoredTensor* a = file->Find("embedding.weight");
  const StoredTensor* b = file->Find("decoder.weight");
  ASSERT_TRUE(a != nullptr && b != nullptr);
  ASSERT_OK_AND_ASSIGN(const Tensor embedding, file->Read(*a));
  ASSERT_OK_AND_ASSIGN(const Tensor decoder, file->Read(*b));
  EXPECT_EQ(embedding.values, decoder.values);
}

}  // namespace
}  // namespace unroll
