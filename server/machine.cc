#include "server/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace unroll::server {
namespace {

std::vector<std::string> Words(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return absl::StrSplit(text.str(), absl::ByAnyChar(" \n"), absl::SkipEmpty());
}

std::optional<double> Number(const std::string& word) {
  double value;
  if (!absl::SimpleAtod(word, &value) || value <= 0) return std::nullopt;
  return value;
}

// Keeps the smaller of two limits, either of which may be missing.
void Tighten(std::optional<double>& limit, std::optional<double> other) {
  if (other) limit = limit ? std::min(*limit, *other) : other;
}

struct Quotas {
  std::optional<double> cpus, memory;
};

// Every folder from the cgroup up to its mount may set a limit; the smallest
// holds. In a container the mount often is the cgroup itself, so a path that
// does not exist below it is no harm.
std::vector<std::string> FoldersUp(const std::string& mount, std::string path) {
  std::vector<std::string> folders;
  while (path.starts_with("/") && path != "/") {
    folders.push_back(mount + path);
    path.resize(path.rfind('/'));
  }
  folders.push_back(mount);
  return folders;
}

void ReadVersion2(const std::string& mount, const std::string& path,
                  Quotas& quotas) {
  for (const std::string& folder : FoldersUp(mount, path)) {
    // "QUOTA PERIOD" in microseconds, or "max PERIOD".
    const auto cpu = Words(folder + "/cpu.max");
    if (cpu.size() == 2) {
      const auto quota = Number(cpu[0]), period = Number(cpu[1]);
      if (quota && period) Tighten(quotas.cpus, *quota / *period);
    }
    const auto memory = Words(folder + "/memory.max");
    if (memory.size() == 1) Tighten(quotas.memory, Number(memory[0]));
  }
}

void ReadVersion1Cpu(const std::string& mount, const std::string& path,
                     Quotas& quotas) {
  for (const std::string& folder : FoldersUp(mount, path)) {
    const auto quota = Words(folder + "/cpu.cfs_quota_us");
    const auto period = Words(folder + "/cpu.cfs_period_us");
    if (quota.size() != 1 || period.size() != 1) continue;
    const auto q = Number(quota[0]), p = Number(period[0]);
    if (q && p) Tighten(quotas.cpus, *q / *p);
  }
}

void ReadVersion1Memory(const std::string& mount, const std::string& path,
                        Quotas& quotas) {
  for (const std::string& folder : FoldersUp(mount, path)) {
    const auto limit = Words(folder + "/memory.limit_in_bytes");
    if (limit.size() == 1) Tighten(quotas.memory, Number(limit[0]));
  }
}

// Lines of /proc/self/cgroup are "ID:CONTROLLERS:PATH"; version 2 has ID 0 and
// no controllers.
Quotas ReadQuotas(const std::string& root) {
  Quotas quotas;
  const std::string mounts = root + "/sys/fs/cgroup";
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    const auto has = [&](const char* name) {
      return std::find(controllers.begin(), controllers.end(), name) !=
             controllers.end();
    };
    if (parts[1].empty()) ReadVersion2(mounts, parts[2], quotas);
    if (has("cpu")) ReadVersion1Cpu(mounts + "/cpu", parts[2], quotas);
    if (has("memory")) ReadVersion1Memory(mounts + "/memory", parts[2], quotas);
  }
  return quotas;
}

}  // namespace

MachineLimits ReadMachineLimits(const std::string& root) {
  MachineLimits limits;
  cpu_set_t mask;
  limits.cpus = sched_getaffinity(0, sizeof(mask), &mask) == 0
                    ? CPU_COUNT(&mask)
                    : static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  limits.memory =
      static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  const Quotas quotas = ReadQuotas(root);
  if (quotas.cpus && *quotas.cpus < limits.cpus) {
    limits.cpus = *quotas.cpus;
    limits.cpu_quota = true;
  }
  if (quotas.memory && *quotas.memory < static_cast<double>(limits.memory)) {
    limits.memory = static_cast<int64_t>(*quotas.memory);
    limits.memory_quota = true;
  }
  return limits;
}

}  // namespace unroll::server
