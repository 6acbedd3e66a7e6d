#ifndef UNROLL_TESTS_BENCH_KERNEL_WORKER_H_
#define UNROLL_TESTS_BENCH_KERNEL_WORKER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/workload.h"

namespace unroll::bench {

// Runs what tests/bench/kernels.py asks for, a line at a time. SYSTEM is
//   split         a kernel of core/rnn; SIZES are T N I H FILE, see layer.h
//   split_bf16    in bfloat16
//   split_tokens  with a table of the input's rows
//   primitive     oneDNN's
//   fma, read     a probe of the machine; SIZES are its operations or bytes
//
//   version                  ok and what this is
//   prepare SYSTEM SIZES...  ok; what SYSTEM was before is forgotten
//   check SYSTEM FILE        ok; runs it once and writes its output, [T, N, H],
//                            in little-endian float32
//   run SYSTEM COUNT         ok and the seconds that COUNT runs took
//
// Anything else, or what fails: "error" and a sentence.
class KernelWorker {
 public:
  std::string Answer(const std::string& line);

 private:
  using Words = std::vector<std::string>;

  absl::StatusOr<std::string> Execute(const Words& words);
  absl::Status Prepare(const Words& words);
  absl::Status Check(const std::string& system, const std::string& path);
  absl::StatusOr<double> Time(const std::string& system, int64_t count);
  absl::StatusOr<Workload*> Find(const std::string& system);

  std::map<std::string, std::unique_ptr<Workload>> workloads_;
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_KERNEL_WORKER_H_
