#ifndef UNROLL_TESTS_SUPPORT_PROCESS_H_
#define UNROLL_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.h"

namespace unroll::testing {

// A real child process whose stdout and stderr are kept, together.
class Process {
 public:
  struct Options {
    std::vector<std::string> arguments;    // the program first
    std::vector<std::string> environment;  // "NAME=value", added to ours
    std::string input;                     // its stdin
    std::function<void()> before_exec;     // in the child; async-signal-safe
  };
  explicit Process(const Options& options);
  ~Process();  // kills it if it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The rest of the first line from now on or earlier that holds `text`, from
  // after `text`. "" when the output ended without it.
  std::string WaitForOutput(const std::string& text);

  void Signal(int signal);
  // Its exit code, or minus the signal that ended it.
  int Wait();

  pid_t pid() const { return pid_; }
  std::string output() const;

 private:
  void ReadOutput(int descriptor);

  pid_t pid_ = -1;
  bool waited_ = false;
  int exit_code_ = -1;
  std::thread reader_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::string output_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Runs a program to its end.
struct Finished {
  int exit_code = 0;
  std::string output;  // stdout and stderr
};
Finished RunProcess(const Process::Options& options);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_PROCESS_H_
