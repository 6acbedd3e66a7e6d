#include "core/serve/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace unroll {
namespace {

using ::testing::HasSubstr;

Admission::Options Limits() {
  return {.memory_limit = 1000, .max_queue_time = absl::Seconds(1)};
}

TEST(AdmissionTest, HoldsMemoryUntilTheTicketGoes) {
  Admission admission(Limits());
  {
    auto first = admission.Admit(600, absl::ZeroDuration());
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(admission.memory_used(), 600);
    const auto second = admission.Admit(401, absl::ZeroDuration());
    EXPECT_EQ(second.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(second.status().message(),
                HasSubstr("401 bytes needed, 400 of 1000 left"));
    EXPECT_TRUE(admission.Admit(400, absl::ZeroDuration()).ok());
  }
  EXPECT_EQ(admission.memory_used(), 0);
}

TEST(AdmissionTest, AMovedTicketIsReturnedOnce) {
  Admission admission(Limits());
  {
    Admission::Ticket kept;
    {
      auto ticket = admission.Admit(10, absl::ZeroDuration());
      ASSERT_TRUE(ticket.ok());
      kept = *std::move(ticket);
    }
    EXPECT_EQ(admission.memory_used(), 10);
  }
  EXPECT_EQ(admission.memory_used(), 0);
}

TEST(AdmissionTest, RefusesAWaitThatIsTooLong) {
  Admission admission(Limits());
  EXPECT_TRUE(admission.Admit(1, absl::Seconds(1)).ok());
  const auto refused = admission.Admit(1, absl::Milliseconds(1001));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().message(), HasSubstr("1.001s"));
}

TEST(AdmissionTest, ModelsAndCallsShareTheMemory) {
  Admission admission(Limits());
  const auto model = admission.AdmitModel(900);
  ASSERT_TRUE(model.ok());
  EXPECT_FALSE(admission.Admit(101, absl::ZeroDuration()).ok());
  EXPECT_FALSE(admission.AdmitModel(int64_t{1} << 62).ok());
}

}  // namespace
}  // namespace unroll
