#include "server/infer_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace unroll::server {
namespace {

using ::testing::ElementsAre;
using ::testing::StrEq;

// D = 1, L = 2, H = 3, a head of 4 classes on each step, or applied once.
ServedModel Model(AppliedTo applied_to, std::vector<std::string> labels = {}) {
  ModelInfo info;
  info.spec = {.input_size = 2, .hidden_size = 3, .num_layers = 2};
  info.head = HeadSpec{.layers = {{.width = 4}}, .applied_to = applied_to};
  info.labels = std::move(labels);
  return ServedModel(info, nullptr);
}

InferPlan Plan(const ServedModel& model,
               const std::vector<std::string>& outputs = {},
               int64_t classification = 0) {
  inference::ModelInferRequest request;
  for (const std::string& name : outputs) {
    auto& output = *request.add_outputs();
    output.set_name(name);
    if (classification > 0) {
      (*output.mutable_parameters())["classification"].set_int64_param(
          classification);
    }
  }
  const auto plan = PlanInferOutputs(request, model, /*wants_token=*/false);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

std::vector<Shape> Shapes(const inference::ModelInferResponse& response) {
  std::vector<Shape> shapes;
  for (const auto& output : response.outputs()) {
    shapes.emplace_back(output.shape().begin(), output.shape().end());
  }
  return shapes;
}

TEST(InferOutputsTest, AreLaidOutAsZerosOfTheirShapes) {
  const ServedModel model = Model(AppliedTo::kEachStep);
  inference::ModelInferResponse response;
  InferReply reply(Plan(model).outputs, model, 2, 5, response);
  reply.Finish();
  EXPECT_THAT(Shapes(response),
              ElementsAre(Shape{2, 5, 3}, Shape{2, 2, 3}, Shape{2, 5, 4}));
  EXPECT_EQ(response.raw_output_contents(0), std::string(2 * 5 * 3 * 4, '\0'));
}

TEST(InferOutputsTest, AHeadThatIsAppliedOnceGivesOneRow) {
  const ServedModel model = Model(AppliedTo::kLastStep);
  const InferPlan plan = Plan(model);
  inference::ModelInferResponse response;
  InferReply reply(plan.Those(/*each_step=*/false), model, 2, 5, response);
  EXPECT_THAT(Shapes(response), ElementsAre(Shape{2, 2, 3}, Shape{2, 4}));
  EXPECT_EQ(plan.Those(/*each_step=*/true).size(), 1u);
}

TEST(InferOutputsTest, AStateGoesToItsSequence) {
  const ServedModel model = Model(AppliedTo::kEachStep);
  inference::ModelInferResponse response;
  InferReply reply(Plan(model, {"h_n"}).outputs, model, 2, 5, response);
  reply.SetState(1, {.shape = {2, 3}, .values = {1, 2, 3, 4, 5, 6}});
  const std::string& raw = response.raw_output_contents(0);
  const auto* values = reinterpret_cast<const float*>(raw.data());
  EXPECT_THAT(std::vector<float>(values, values + 12),
              ElementsAre(0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6));
}

TEST(InferOutputsTest, TextsThatNobodySetAreEmpty) {
  const ServedModel model = Model(AppliedTo::kEachStep);
  inference::ModelInferResponse response;
  InferReply reply(Plan(model, {"scores"}, 2).outputs, model, 1, 3, response);
  reply.Finish();
  EXPECT_THAT(Shapes(response), ElementsAre(Shape{1, 3, 2}));
  EXPECT_EQ(response.outputs(0).datatype(), "BYTES");
  EXPECT_EQ(response.raw_output_contents(0), std::string(6 * 4, '\0'));
}

TEST(InferOutputsTest, TheirSizeIsKnownBeforehandHoweverLarge) {
  const ServedModel model =
      Model(AppliedTo::kEachStep, {"a", "b", "c", std::string(1000, 'd')});
  const std::vector<InferOutput> hidden = Plan(model, {"hidden"}).outputs;
  const int64_t step = 3 * sizeof(float);
  EXPECT_EQ(*InferOutputBytes(hidden, model, 7, 11) -
                *InferOutputBytes(hidden, model, 7, 10),
            7 * step);
  EXPECT_EQ(InferOutputBytes(hidden, model, int64_t{1} << 40, int64_t{1} << 40),
            std::nullopt);
  EXPECT_EQ(InferOutputBytes(hidden, model, INT64_MAX / step, 1), std::nullopt);
  EXPECT_GT(*InferOutputBytes(Plan(model, {"scores"}, 1).outputs, model, 1, 1),
            1000)
      << "labels count";
}

}  // namespace
}  // namespace unroll::server
