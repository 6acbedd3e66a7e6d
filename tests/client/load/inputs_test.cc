#include "client/load/inputs.h"

#include <gtest/gtest.h>

#include "client/array.h"

namespace unroll::client {
namespace {

TEST(InputsTest, FeaturesHaveTheModelsWidth) {
  v1::GetModelResponse model;
  model.mutable_spec()->set_input_size(3);
  const Inputs inputs(model, /*longest=*/330, /*seed=*/1);
  v1::Sequence sequence;
  inputs.Fill(int64_t{1} << 40, 330, sequence);
  const Array array = ToArray(sequence.features()).value();
  EXPECT_EQ(ShapeString(array.shape), "[330,3]");
  for (const float value : array.values) {
    EXPECT_GE(value, -1);
    EXPECT_LT(value, 1);
  }
}

TEST(InputsTest, TokenIdsAreOfTheVocabulary) {
  v1::GetModelResponse model;
  model.mutable_spec()->set_input_size(3);
  model.set_vocabulary_size(7);
  const Inputs inputs(model, /*longest=*/100, /*seed=*/1);
  v1::Sequence sequence;
  inputs.Fill(1023, 100, sequence);
  EXPECT_EQ(sequence.token_ids().ids_size(), 100);
  for (const int64_t id : sequence.token_ids().ids()) {
    EXPECT_GE(id, 0);
    EXPECT_LT(id, 7);
  }
}

TEST(InputsTest, StepByStepIsTheSameAsAtOnce) {
  v1::GetModelResponse model;
  model.set_vocabulary_size(1000);
  const Inputs inputs(model, /*longest=*/10, /*seed=*/1);
  v1::Sequence whole;
  inputs.Fill(5, 10, whole);
  v1::LiveRequest step;
  for (int i = 0; i < 10; ++i) {
    inputs.Fill(5 + i, 1, step);
    ASSERT_EQ(step.token_ids().ids_size(), 1);
    EXPECT_EQ(step.token_ids().ids(0), whole.token_ids().ids(i));
  }
}

}  // namespace
}  // namespace unroll::client
