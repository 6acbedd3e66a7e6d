#include "server/timeout.h"

#include <gtest/gtest.h>

#include "tests/support/notification.h"

namespace unroll::server {
namespace {

using unroll::testing::Notification;

TEST(TimeoutTest, PassesOnceOrIsStopped) {
  Notification passed;
  Timeout timeout(absl::Milliseconds(1), [&] { passed.Notify(); });
  passed.WaitForNotification();
  EXPECT_FALSE(timeout.Stop());

  Timeout stopped(absl::Hours(24), [] { ADD_FAILURE(); });
  EXPECT_TRUE(stopped.Stop());
  EXPECT_FALSE(stopped.Stop());
}

}  // namespace
}  // namespace unroll::server
