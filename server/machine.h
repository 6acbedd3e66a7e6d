#ifndef UNROLL_SERVER_MACHINE_H_
#define UNROLL_SERVER_MACHINE_H_

#include <cstdint>
#include <string>

namespace unroll::server {

// What this process may use, by its cgroup (version 1 or 2) and CPU mask.
struct MachineLimits {
  double cpus = 1;            // the quota, or the CPUs it may run on
  int64_t memory = 0;         // bytes
  bool cpu_quota = false;     // whether `cpus` comes from a quota
  bool memory_quota = false;  // whether `memory` comes from a cgroup
};

// Reads /proc and /sys below `root` ("" for the real ones). What cannot be read
// sets no limit.
MachineLimits ReadMachineLimits(const std::string& root = "");

}  // namespace unroll::server

#endif  // UNROLL_SERVER_MACHINE_H_
