#include "client/live_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace unroll::client {
namespace {

using ::testing::ElementsAre;

// Results of some steps of a call: hidden [S, 1], the step's letter, top, ids.
v1::LiveResponse Response(const std::vector<int64_t>& steps,
                          const std::string& letters) {
  v1::LiveResponse response;
  for (size_t i = 0; i < steps.size(); ++i) {
    response.add_steps(steps[i]);
    response.mutable_hidden()->mutable_data()->append(4, letters[i]);
    response.add_top()->add_classes()->set_class_(letters[i]);
    response.add_token_ids(letters[i]);
  }
  response.mutable_hidden()->add_shape(static_cast<int64_t>(steps.size()));
  response.mutable_hidden()->add_shape(1);
  return response;
}

TEST(LiveResultsTest, WhatWasSeenIsLeftOutAndTheRestCountsOn) {
  LiveResults results;
  v1::LiveResponse response = Response({0, 1, 2}, "abc");
  response.mutable_opened();
  EXPECT_TRUE(results.Add(response));
  EXPECT_TRUE(response.has_opened());
  EXPECT_EQ(response.steps_size(), 3);

  // The next call goes on from a token after step 0.
  results.Begin(1);
  response = {};
  response.mutable_opened();
  EXPECT_FALSE(results.Add(response));
  response = Response({0}, "b");
  EXPECT_FALSE(results.Add(response));
  response = Response({1, 2, 3}, "cde");
  response.add_state_tokens();
  EXPECT_TRUE(results.Add(response));
  EXPECT_THAT(response.steps(), ElementsAre(3, 4));
  EXPECT_EQ(response.hidden().data(), "ddddeeee");
  EXPECT_THAT(response.hidden().shape(), ElementsAre(2, 1));
  EXPECT_THAT(response.token_ids(), ElementsAre('d', 'e'));
  ASSERT_EQ(response.top_size(), 2);
  EXPECT_EQ(response.top(0).classes(0).class_(), 'd');
  EXPECT_FALSE(response.has_scores());
  EXPECT_EQ(response.state_tokens_size(), 0);
  EXPECT_EQ(results.steps(), 5);
}

TEST(LiveResultsTest, IdsMayComeBeforeTheirResults) {
  LiveResults results;
  v1::LiveResponse response;
  for (const int id : {7, 8, 9}) response.add_token_ids(id);
  EXPECT_TRUE(results.Add(response));
  results.Begin(0);
  response = {};
  for (const int id : {7, 8, 9, 10}) response.add_token_ids(id);
  response.add_steps(0);
  EXPECT_TRUE(results.Add(response));
  EXPECT_THAT(response.token_ids(), ElementsAre(10));
  EXPECT_THAT(response.steps(), ElementsAre(0));
}

}  // namespace
}  // namespace unroll::client
