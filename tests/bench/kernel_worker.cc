#include "tests/bench/kernel_worker.h"

#include <dnnl_version.h>

#include <chrono>
#include <fstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "tests/bench/layer.h"
#include "tests/bench/probes.h"

namespace unroll::bench {
namespace {

const std::map<std::string, LayerOptions> kKernels = {
    {"split", {}},
    {"split_bf16", {.precision = Precision::kBfloat16}},
    {"split_tokens", {.tokens = true}},
    {"primitive", {.kernel = KernelChoice::kPrimitive}}};

using ProbeMaker =
    absl::StatusOr<std::unique_ptr<Workload>> (*)(int64_t amount);
const std::map<std::string, ProbeMaker> kProbes = {{"fma", MakeFmaProbe},
                                                   {"read", MakeReadProbe}};

absl::StatusOr<int64_t> Number(const std::string& word) {
  int64_t number;
  if (!absl::SimpleAtoi(word, &number)) {
    return Invalid("\"%s\", expected a whole number", word);
  }
  return number;
}

std::string Version() {
  return absl::StrFormat("oneDNN %d.%d.%d, %s, %s", DNNL_VERSION_MAJOR,
                         DNNL_VERSION_MINOR, DNNL_VERSION_PATCH,
#ifdef __clang__
                         "clang " __clang_version__,
#else
                         "g++ " __VERSION__,
#endif
                         VectorSet());
}

}  // namespace

std::string KernelWorker::Answer(const std::string& line) {
  const auto answer =
      Execute(absl::StrSplit(line, ' ', absl::SkipWhitespace()));
  if (!answer.ok()) {
    return absl::StrFormat("error %s", answer.status().message());
  }
  return answer->empty() ? "ok" : absl::StrFormat("ok %s", *answer);
}

absl::StatusOr<std::string> KernelWorker::Execute(const Words& words) {
  const std::string command = words.empty() ? "" : words[0];
  if (command == "version" && words.size() == 1) return Version();
  if (command == "prepare" && words.size() >= 3) {
    RETURN_IF_ERROR(Prepare(words));
    return "";
  }
  if (command == "check" && words.size() == 3) {
    RETURN_IF_ERROR(Check(words[1], words[2]));
    return "";
  }
  if (command == "run" && words.size() == 3) {
    ASSIGN_OR_RETURN(const int64_t count, Number(words[2]));
    ASSIGN_OR_RETURN(const double seconds, Time(words[1], count));
    return absl::StrFormat("%.9f", seconds);
  }
  return Invalid(
      "expected: version | prepare SYSTEM SIZES... | check SYSTEM FILE | run "
      "SYSTEM COUNT");
}

absl::Status KernelWorker::Prepare(const Words& words) {
  const std::string& system = words[1];
  const auto kernel = kKernels.find(system);
  const auto probe = kProbes.find(system);
  workloads_.erase(system);  // before the new one: the peak is not the sum
  if (kernel != kKernels.end() && words.size() == 7) {
    LayerShape shape;
    ASSIGN_OR_RETURN(shape.steps, Number(words[2]));
    ASSIGN_OR_RETURN(shape.sequences, Number(words[3]));
    ASSIGN_OR_RETURN(shape.input_size, Number(words[4]));
    ASSIGN_OR_RETURN(shape.hidden_size, Number(words[5]));
    ASSIGN_OR_RETURN(workloads_[system],
                     MakeLayer(shape, words[6], kernel->second));
    return absl::OkStatus();
  }
  if (probe != kProbes.end() && words.size() == 3) {
    ASSIGN_OR_RETURN(const int64_t amount, Number(words[2]));
    ASSIGN_OR_RETURN(workloads_[system], probe->second(amount));
    return absl::OkStatus();
  }
  return Invalid(
      "expected: prepare KERNEL T N I H FILE, or prepare fma OPERATIONS, or "
      "prepare read BYTES; KERNEL is split, split_bf16, split_tokens or "
      "primitive");
}

absl::Status KernelWorker::Check(const std::string& system,
                                 const std::string& path) {
  ASSIGN_OR_RETURN(Workload* const workload, Find(system));
  RETURN_IF_ERROR(workload->Run());
  const auto bytes = std::as_bytes(workload->output());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return InvalidAt(path, "cannot be written");
  return absl::OkStatus();
}

absl::StatusOr<double> KernelWorker::Time(const std::string& system,
                                          int64_t count) {
  ASSIGN_OR_RETURN(Workload* const workload, Find(system));
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) RETURN_IF_ERROR(workload->Run());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

absl::StatusOr<Workload*> KernelWorker::Find(const std::string& system) {
  const auto workload = workloads_.find(system);
  if (workload == workloads_.end() || workload->second == nullptr) {
    return Invalid("\"%s\" is not prepared", system);
  }
  return workload->second.get();
}

}  // namespace unroll::bench
