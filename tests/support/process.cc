#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace unroll::testing {

Process::Process(const Options& options) {
  int out[2], in[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(in, O_CLOEXEC) != 0) std::abort();
  std::vector<char*> arguments, environment;
  for (const auto& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  for (const auto& variable : options.environment) {
    environment.push_back(const_cast<char*>(variable.c_str()));
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.push_back(*variable);
  }
  environment.push_back(nullptr);

  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(out[1], 2);
    if (options.before_exec) options.before_exec();
    execvpe(arguments[0], arguments.data(), environment.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  // Small inputs only: they fit the pipe.
  if (write(in[1], options.input.data(), options.input.size()) < 0) {
    std::perror("write");
  }
  close(in[1]);
  reader_ = std::thread([this, fd = out[0]] { ReadOutput(fd); });
}

Process::~Process() {
  if (!waited_) {
    Signal(SIGKILL);
    Wait();
  }
}

void Process::ReadOutput(int descriptor) {
  char buffer[4096];
  ssize_t count;
  while ((count = read(descriptor, buffer, sizeof(buffer))) > 0) {
    MutexLock lock(mutex_);
    output_.append(buffer, count);
    changed_.NotifyAll();
  }
  close(descriptor);
  MutexLock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

std::string Process::WaitForOutput(const std::string& text) {
  MutexLock lock(mutex_);
  for (;;) {
    const size_t begin = output_.find(text);
    if (begin != std::string::npos) {
      const size_t end = output_.find('\n', begin);
      if (end != std::string::npos) {
        const size_t after = begin + text.size();
        return output_.substr(after, end - after);
      }
    }
    if (ended_) return "";
    changed_.Wait(mutex_);
  }
}

void Process::Signal(int signal) { kill(pid_, signal); }

int Process::Wait() {
  if (waited_) return exit_code_;
  int status = 0;
  waitpid(pid_, &status, 0);
  reader_.join();
  waited_ = true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return exit_code_;
}

std::string Process::output() const {
  MutexLock lock(mutex_);
  return output_;
}

Finished RunProcess(const Process::Options& options) {
  Process process(options);
  const int exit_code = process.Wait();
  return {exit_code, process.output()};
}

}  // namespace unroll::testing
