#include "tests/bench/scheduler/pins.h"

#include <sched.h>

namespace unroll::bench {
namespace {

void RunOn(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace

Pins::Pins() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &set)) continue;
    sender_ = worker_;
    worker_ = core;
  }
  if (CPU_COUNT(&set) == 1) sender_ = worker_;
}

bool Pins::sender_may_spin() const {
  return worker_ != sender_ && sched_getscheduler(0) == SCHED_OTHER;
}

void Pins::RunAsWorker() const { RunOn(worker_); }
void Pins::RunAsSender() const { RunOn(sender_); }

}  // namespace unroll::bench
