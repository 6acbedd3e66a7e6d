#include "server/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_directory.h"

namespace unroll::server {
namespace {

using unroll::testing::TempDirectory;

struct MachineCase {
  std::string name;
  // Files below a made-up root, and what they hold.
  std::vector<std::pair<std::string, std::string>> files;
  bool cpu_quota = false;
  double cpus = 0;  // with cpu_quota
  bool memory_quota = false;
  int64_t memory = 0;  // with memory_quota
};

std::vector<MachineCase> Cases() {
  return {
      {"NoCgroups", {}},
      {"Version2",
       {{"proc/self/cgroup", "0::/pod/unroll\n"},
        {"sys/fs/cgroup/pod/unroll/cpu.max", "50000 100000\n"},
        {"sys/fs/cgroup/pod/unroll/memory.max", "1048576\n"}},
       true,
       0.5,
       true,
       1 << 20},
      {"Version2WithoutLimits",
       {{"proc/self/cgroup", "0::/pod\n"},
        {"sys/fs/cgroup/pod/cpu.max", "max 100000\n"},
        {"sys/fs/cgroup/pod/memory.max", "max\n"}}},
      {"AParentsLimitHoldsToo",
       {{"proc/self/cgroup", "0::/pod/unroll\n"},
        {"sys/fs/cgroup/pod/unroll/cpu.max", "80000 100000\n"},
        {"sys/fs/cgroup/pod/cpu.max", "20000 100000\n"}},
       true,
       0.2},
      {"InAContainerTheMountIsTheCgroup",
       {{"proc/self/cgroup", "0::/only/seen/outside\n"},
        {"sys/fs/cgroup/cpu.max", "50000 100000\n"}},
       true,
       0.5},
      {"Version1",
       {{"proc/self/cgroup", "4:memory:/a\n2:cpu,cpuacct:/b\n"},
        {"sys/fs/cgroup/cpu/b/cpu.cfs_quota_us", "25000\n"},
        {"sys/fs/cgroup/cpu/b/cpu.cfs_period_us", "100000\n"},
        {"sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2097152\n"}},
       true,
       0.25,
       true,
       2 << 20},
      {"Version1WithoutLimits",
       {{"proc/self/cgroup", "2:cpu:/\n"},
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
        {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
      {"RubbishSetsNoLimit",
       {{"proc/self/cgroup", "what\n::\n0::relative\n"},
        {"sys/fs/cgroup/cpu.max", "fast\n"},
        {"sys/fs/cgroup/memory.max", "-5\n"}}},
  };
}

class MachineTest : public ::testing::TestWithParam<MachineCase> {};

TEST_P(MachineTest, ReadsLimits) {
  const MachineCase& c = GetParam();
  TempDirectory root;
  for (const auto& [path, text] : c.files) {
    const std::filesystem::path file = root.path() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  const MachineLimits limits = ReadMachineLimits(root.path());
  EXPECT_EQ(limits.cpu_quota, c.cpu_quota);
  EXPECT_EQ(limits.memory_quota, c.memory_quota);
  if (c.cpu_quota) {
    EXPECT_DOUBLE_EQ(limits.cpus, c.cpus);
  }
  if (c.memory_quota) {
    EXPECT_EQ(limits.memory, c.memory);
  }
  EXPECT_GT(limits.cpus, 0);
  EXPECT_GT(limits.memory, 0);
}

INSTANTIATE_TEST_SUITE_P(Table, MachineTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace unroll::server
