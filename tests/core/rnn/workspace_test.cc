#include "core/rnn/workspace.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace unroll {
namespace {

TEST(WorkspaceTest, GrowsAndStays) {
  Workspace workspace;
  EXPECT_EQ(workspace.size(), 0);
  float* small = workspace.Floats(Workspace::kInput, 10);
  EXPECT_EQ(workspace.size(), 64);
  EXPECT_EQ(workspace.Floats(Workspace::kInput, 16), small);
  workspace.Floats(Workspace::kInput, 1000);
  const int64_t grown = workspace.size();
  workspace.Floats(Workspace::kInput, 1);
  EXPECT_EQ(workspace.size(), grown);
}

TEST(WorkspaceTest, IsTrimmedWhenItGrewTooLarge) {
  Workspace workspace;
  workspace.Floats(Workspace::kInput, 1000);
  workspace.Trim(4096);
  EXPECT_GT(workspace.size(), 0);
  workspace.Trim(1000);
  EXPECT_EQ(workspace.size(), 0);
}

TEST(WorkspaceTest, PartsAreAlignedAndApart) {
  Workspace workspace;
  for (int part = 0; part < Workspace::kParts; ++part) {
    const auto address = reinterpret_cast<uintptr_t>(
        workspace.Bytes(static_cast<Workspace::Part>(part), 100));
    EXPECT_EQ(address % 64, 0u);
  }
  EXPECT_NE(workspace.Bytes(Workspace::kInput, 100),
            workspace.Bytes(Workspace::kState, 100));
}

}  // namespace
}  // namespace unroll
